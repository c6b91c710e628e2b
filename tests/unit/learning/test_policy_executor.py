"""Who waits for whom: each action follows the decision of its own period, or the last one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from introspect_learning.execution import (
    Action,
    ExecutorConfig,
    NotObservable,
    Outcome,
    PolicyExecutor,
    Question,
    Sight,
)
from introspect_learning.models import BehavioursOutput
from introspect_sim.tasks import OBSERVATION, PickAndPlace, decode

TICK = 10_000_000  # of joint states [ns]
GOAL = np.array([0.5, 0.1, 0.02])


class FakeBehaviours:
    """Behaviour k moves along axis k, faster from run to run."""

    names = ("approach", "grasp", "retract")

    def __init__(self) -> None:
        self.runs = 0

    def run(self, observation: NDArray[np.float32]) -> BehavioursOutput:
        self.runs += 1
        actions = np.zeros((3, 5), dtype=np.float32)
        actions[range(3), range(3)] = 0.01 * self.runs
        features = np.full(128, self.runs, dtype=np.float32)
        return BehavioursOutput({"features": features}, actions)


class Talk:
    """A port that writes everything down, with a wall clock and a world to look at."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.actions: list[Action] = []
        self.outcomes: list[Outcome] = []
        self.wall = 50.0
        self.object_position = np.array([0.4, -0.1, 0.02])
        self.blind: str | None = None
        self.stamp = 0
        self.behaviours = FakeBehaviours()
        self.executor = PolicyExecutor(
            self.behaviours, PickAndPlace(), self, clock=lambda: self.wall
        )

    def ask(self, question: Question) -> None:
        self.questions.append(question)

    def act(self, action: Action) -> None:
        self.actions.append(action)

    def end(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def look(self) -> Sight:
        if self.blind:
            raise NotObservable(self.blind)
        observation = np.zeros(OBSERVATION.size, dtype=np.float32)
        return Sight(observation, self.object_position, GOAL)

    def states(self, count: int) -> None:
        """Let joint states arrive."""
        for _ in range(count):
            self.stamp += TICK
            self.wall += 0.01
            self.executor.state(self.stamp, self.look)

    def answer(self, index: int) -> None:
        """Let the choreographer answer the latest question."""
        self.executor.decide(self.questions[-1].episode, self.questions[-1].stamp, index)

    def periods(self, count: int, index: int = 0) -> None:
        """Let whole periods go by with every question answered at once."""
        for _ in range(count):
            asked = len(self.questions)
            while len(self.questions) == asked and self.executor.running:
                self.states(1)
            if self.executor.running:
                self.answer(index)


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_without_an_episode_nothing_is_asked_or_done(talk: Talk) -> None:
    talk.states(20)

    assert not talk.questions
    assert not talk.actions


def test_an_action_follows_the_decision_of_its_own_period(talk: Talk) -> None:
    talk.executor.start()
    talk.states(1)
    assert not talk.actions

    talk.answer(2)

    action = talk.actions[0]
    expected = decode(np.array([[0.0, 0.0, 0.01, 0.0, 0.0]], dtype=np.float32))
    assert (action.episode, action.sequence, action.stamp) == (1, 0, TICK)
    assert action.behaviour == "retract"
    assert np.array_equal(action.linear, expected[0][0])
    assert np.array_equal(action.angular, expected[1][0])
    assert action.gripper_width == expected[2][0]
    assert not action.hold


def test_periods_are_forty_milliseconds_of_stamps_apart(talk: Talk) -> None:
    talk.executor.start()

    talk.periods(10)

    assert np.diff([question.stamp for question in talk.questions]).tolist() == [4 * TICK] * 9
    assert [action.sequence for action in talk.actions] == list(range(10))
    assert talk.executor.late == 0


def test_a_late_decision_is_counted_and_the_last_one_kept(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(3, index=1)

    talk.states(4)  # the next question
    asked = talk.questions[-1]
    talk.states(1)
    assert len(talk.actions) == 3  # still waiting
    talk.states(1)  # half a period later

    assert talk.executor.late == 1
    assert talk.actions[-1].sequence == asked.sequence == 3
    assert talk.actions[-1].stamp == asked.stamp
    assert talk.actions[-1].behaviour == "grasp"


def test_a_decision_that_comes_too_late_is_the_last_one_from_then_on(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(3, index=1)
    talk.states(6)
    sent = len(talk.actions)

    talk.answer(2)
    assert len(talk.actions) == sent  # that period has been acted on
    talk.states(4)

    assert talk.actions[-1].behaviour == "retract"


def test_without_a_choreographer_the_last_decision_lasts_a_moment_then_the_arm_is_held(
    talk: Talk,
) -> None:
    talk.executor.start()
    talk.periods(2, index=1)

    talk.states(42)

    assert [action.sequence for action in talk.actions] == list(range(12))
    assert (talk.executor.late, talk.executor.held) == (4, 6)  # 0.2 s, then no longer
    assert {action.behaviour for action in talk.actions[:6]} == {"grasp"}
    assert [action.hold for action in talk.actions] == [False] * 6 + [True] * 6
    assert not any(action.linear.any() or action.angular.any() for action in talk.actions[6:])
    assert {action.gripper_width for action in talk.actions} == {talk.actions[0].gripper_width}
    assert talk.executor.running


def test_a_choreographer_that_returns_finds_the_episode_going_on(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(2, index=1)
    talk.states(42)

    talk.periods(3, index=2)

    assert [action.sequence for action in talk.actions] == list(range(15))
    assert [action.hold for action in talk.actions[-3:]] == [False] * 3
    assert {action.behaviour for action in talk.actions[-3:]} == {"retract"}
    assert not talk.outcomes


def test_a_choreographer_that_is_always_late_does_not_hold_the_arm(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(1)

    states_per_decision(talk, 3, lambda: len(talk.actions) >= 30)

    assert talk.executor.held == 0
    assert talk.executor.late >= 29


def test_answers_to_questions_of_long_ago_do_not_keep_the_arm_moving(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(30, index=1)

    for _ in range(40):
        talk.states(4)
        old = talk.questions[-26]  # a second ago
        talk.executor.decide(old.episode, old.stamp, 0)

    assert [action.hold for action in talk.actions[-30:]] == [True] * 30


def test_an_old_answer_does_not_replace_a_newer_one(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(3, index=1)
    talk.states(4)
    old = talk.questions[-3]

    talk.executor.decide(old.episode, old.stamp, 2)
    talk.states(4)

    assert talk.actions[-1].behaviour == "grasp"


def test_nothing_moves_before_the_first_decision_of_an_episode(talk: Talk) -> None:
    talk.executor.start()

    talk.states(35)

    assert not talk.actions
    assert {question.sequence for question in talk.questions} == {0}
    assert len(talk.questions) == 4  # the observation is taken anew every 0.1 s


def test_a_first_decision_that_never_comes_ends_the_episode(talk: Talk) -> None:
    talk.executor.start()
    talk.states(10)
    talk.wall += 5.0

    talk.executor.check()

    assert not talk.actions
    assert talk.outcomes[0].message == "could not begin: no answer from the choreographer"
    assert not talk.outcomes[0].finished


def test_a_period_that_is_due_when_the_first_answer_comes_begins_without_new_joint_states(
    talk: Talk,
) -> None:
    talk.executor.start()
    talk.states(6)  # 50 ms after the first observation

    talk.answer(1)

    assert [action.sequence for action in talk.actions] == [0]
    assert [(q.sequence, q.stamp) for q in talk.questions] == [(0, TICK), (1, 6 * TICK)]


def test_an_answer_to_another_episode_or_to_a_first_question_taken_back_is_ignored(
    talk: Talk,
) -> None:
    talk.executor.start()
    talk.states(1)

    talk.executor.decide(episode=0, stamp=talk.stamp, index=1)
    talk.executor.decide(episode=1, stamp=talk.stamp - TICK, index=1)

    assert not talk.actions


def test_a_behaviour_that_does_not_exist_holds_the_arm(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(1)
    talk.states(4)

    talk.answer(3)

    assert talk.actions[-1].hold
    assert "chose behaviour 3, there are approach, grasp, retract" in talk.outcomes[0].message


def test_an_object_at_its_goal_for_ten_periods_ends_the_episode(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(5)
    talk.object_position = GOAL + np.array([0.0, 0.0, 0.03])

    talk.periods(20)

    outcome = talk.outcomes[0]
    assert outcome.success
    assert outcome.finished
    assert outcome.steps == 14  # the tenth observation at the goal is not acted on
    assert outcome.distance == pytest.approx(0.03)
    assert talk.actions[-1].hold
    assert not talk.executor.running


def test_an_object_that_leaves_its_goal_starts_the_count_anew(talk: Talk) -> None:
    talk.executor.start()
    away = talk.object_position
    for position in (GOAL, away, GOAL):
        talk.object_position = position
        talk.periods(9)

    assert talk.executor.running


def test_the_horizon_ends_an_episode(talk: Talk) -> None:
    talk.executor.start()

    talk.periods(200)

    outcome = talk.outcomes[0]
    assert (outcome.success, outcome.finished, outcome.steps) == (False, True, 100)
    assert outcome.message == "the object is not at its goal after 4.0 s"
    assert len(talk.actions) == 101
    assert [action.hold for action in talk.actions] == [False] * 100 + [True]


def test_a_timeout_takes_the_horizons_place(talk: Talk) -> None:
    talk.executor.start(timeout=0.4)

    talk.periods(50)

    assert talk.outcomes[0].steps == 10


def test_an_object_that_arrives_with_the_last_period_is_a_success(talk: Talk) -> None:
    talk.executor.start(timeout=0.4)
    talk.periods(8)
    talk.object_position = GOAL

    talk.periods(10)

    assert talk.outcomes[0].success


def test_episodes_are_counted_and_sequences_begin_anew(talk: Talk) -> None:
    for _ in range(2):
        talk.executor.start(timeout=0.2)
        talk.periods(10)

    assert [action.episode for action in talk.actions if not action.hold] == [1] * 5 + [2] * 5
    assert [question.sequence for question in talk.questions] == [*range(5), *range(5)]


def test_the_first_question_of_an_episode_names_no_behaviour(talk: Talk) -> None:
    for _ in range(2):
        talk.executor.start(timeout=0.08)
        talk.periods(5, index=1)

    assert [question.behaviour for question in talk.questions] == ["", "grasp"] * 2


def test_what_cannot_be_seen_at_first_is_waited_for(talk: Talk) -> None:
    talk.blind = "no goal_pose has arrived"
    talk.executor.start()
    talk.states(20)
    assert talk.executor.running

    talk.blind = None
    talk.periods(1)

    assert talk.actions[0].sequence == 0


def test_what_is_never_seen_ends_the_episode_without_moving(talk: Talk) -> None:
    talk.blind = "no goal_pose has arrived"
    talk.executor.start()
    talk.states(20)
    talk.wall += 5.0

    talk.executor.check()

    assert talk.outcomes[0].message == "could not begin: no goal_pose has arrived"
    assert not talk.actions


def test_losing_sight_on_the_way_holds_the_arm_at_once(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(5)
    talk.blind = "object_pose is 0.60 s old, more than 0.5 s"

    talk.states(4)

    assert talk.actions[-1].hold
    assert talk.outcomes[0] == Outcome(
        False, False, 5, pytest.approx(talk.executor.distance), talk.blind
    )


def test_silence_ends_the_episode(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(5)
    talk.wall += 2.5

    talk.executor.check()

    assert talk.actions[-1].hold
    assert talk.outcomes[0].message == "no new joint_states for 2.5 s"


def test_a_repeated_stamp_is_never_acted_on(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(1)
    for _ in range(50):
        talk.executor.state(talk.stamp, talk.look)

    assert len(talk.questions) == 1
    talk.wall += 2.1
    talk.executor.check()
    assert talk.outcomes[0].message.startswith("no new joint_states for 2.1")


@pytest.mark.parametrize("jump", [-10.0, 10.0])
def test_a_jump_of_time_ends_the_episode(talk: Talk, jump: float) -> None:
    talk.stamp = 20_000_000_000
    talk.executor.start()
    talk.periods(5)

    talk.stamp += round(1e9 * jump)
    talk.executor.state(talk.stamp, talk.look)

    assert talk.outcomes[0].message == f"time jumped by {jump:+.2f} s"
    assert talk.actions[-1].hold


def test_missed_periods_are_counted_and_the_grid_is_kept(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(2)
    start = talk.questions[0].stamp

    talk.stamp += 12 * TICK  # joint states that got lost
    talk.periods(2)

    assert talk.executor.skipped == 2
    assert all((question.stamp - start) % (4 * TICK) in (0, TICK) for question in talk.questions)
    assert (talk.questions[-1].stamp - start) % (4 * TICK) == 0
    assert [action.sequence for action in talk.actions] == [0, 1, 2, 3]


def test_an_unanswered_period_is_settled_before_the_next_one_begins(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(2)
    talk.states(4)

    talk.stamp += 5 * TICK  # lost states: the next one to arrive is already of the next period
    talk.states(1)

    assert talk.executor.late == 1
    assert [action.sequence for action in talk.actions] == [0, 1, 2]
    assert talk.questions[-1].sequence == 3


def test_stopping_holds_once_and_tells_why(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(3)

    talk.executor.stop("cancelled")
    talk.executor.stop("again")

    assert [action.hold for action in talk.actions] == [False] * 3 + [True]
    assert [outcome.message for outcome in talk.outcomes] == ["cancelled"]


def test_a_second_episode_at_a_time_is_refused(talk: Talk) -> None:
    talk.executor.start()

    with pytest.raises(RuntimeError, match="episode 1 is still running"):
        talk.executor.start()


@pytest.mark.parametrize("timeout", [-1.0, float("nan"), float("inf")])
def test_a_timeout_that_is_no_duration_is_refused(talk: Talk, timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout must be 0"):
        talk.executor.start(timeout)


@pytest.mark.parametrize("name", list(ExecutorConfig.__dataclass_fields__))
def test_every_number_of_the_configuration_must_be_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        ExecutorConfig(**{name: 0})


def test_the_wait_for_the_choreographer_is_shorter_than_a_period() -> None:
    with pytest.raises(ValueError, match=r"patience must be below period 0\.04 s, got 0\.04 s"):
        ExecutorConfig(patience=0.04)


def states_per_decision(talk: Talk, delay: int, until: Callable[[], bool]) -> None:
    """Answer every question ``delay`` joint states after it was asked."""
    due: list[tuple[int, Question]] = []
    asked = 0
    for k in range(2000):
        if until():
            return
        talk.states(1)
        if len(talk.questions) > asked:
            asked = len(talk.questions)
            due.append((k + delay, talk.questions[-1]))
        while due and due[0][0] <= k:
            question = due.pop(0)[1]
            talk.executor.decide(question.episode, question.stamp, question.sequence % 3)


@pytest.mark.parametrize(("delay", "late"), [(0, 0), (1, 0), (3, 1)])
def test_decisions_in_time_act_in_their_period_and_late_ones_one_later(
    talk: Talk, delay: int, late: int
) -> None:
    talk.executor.start()

    states_per_decision(talk, delay, lambda: len(talk.actions) >= 31)

    names = talk.behaviours.names
    chosen = [names.index(action.behaviour) for action in talk.actions[1:31]]
    assert chosen == [(k - late) % 3 for k in range(1, 31)]
    assert talk.executor.late == 30 * late


def test_a_question_carries_every_layer_and_the_phase_of_the_task(talk: Talk) -> None:
    executor = PolicyExecutor(talk.behaviours, PickAndPlace(), talk, phase=lambda _: "grasp")
    executor.start()

    executor.state(TICK, talk.look)

    question = talk.questions[0]
    assert set(question.activations) == {"features"}
    assert question.activations["features"][0] == 1
    assert question.phase == "grasp"


def test_a_question_names_the_behaviour_that_has_really_acted(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(1, index=1)
    talk.states(6)  # a period acts without its own decision
    talk.answer(2)  # which comes too late

    talk.states(2)

    assert talk.actions[-1].behaviour == "grasp"
    assert talk.questions[-1].sequence == 2
    assert talk.questions[-1].behaviour == "grasp"


def test_after_a_hold_no_behaviour_has_acted(talk: Talk) -> None:
    talk.executor.start()
    talk.periods(1)
    while not talk.executor.held:
        talk.states(1)

    talk.states(4)

    assert talk.questions[-1].behaviour == ""
