"""Learning improves what it should, is reproducible, and goes on where it was cut off."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is an extra")

from introspect_learning.bbrl import BBRLConfig, train_bbrl  # noqa: E402
from introspect_learning.behaviours.imitation import ImitationConfig, collect, fit, imitate  # noqa: E402
from introspect_learning.behaviours.networks import BehaviourNet  # noqa: E402
from introspect_learning.behaviours.teacher import APPROACH, GRASP, RETRACT, Teacher  # noqa: E402
from introspect_learning.choreographer.rollout import DecisionConfig, potential  # noqa: E402
from introspect_learning.choreographer.training import ChoreographerConfig  # noqa: E402
from introspect_learning.rl import ppo  # noqa: E402
from introspect_learning.rl.environment import Progress  # noqa: E402
from introspect_learning.runs.errors import RunError  # noqa: E402
from introspect_learning.runs.run_folder import RunFolder  # noqa: E402
from introspect_sim.envs import PickAndPlaceVectorEnv  # noqa: E402
from introspect_sim.tasks import OBSERVATION  # noqa: E402

LONGER = ChoreographerConfig(iterations=5, first_evaluation=2, save_every=2)
SMALL = ImitationConfig(rounds=(1.0, 0.0), updates=(30, 30), batch=64)
TINY = BBRLConfig(
    imitation_envs=4,
    choreographer_envs=8,
    imitation_horizon=20,
    horizon=20,
    imitation=SMALL,
    choreographer=ChoreographerConfig(iterations=3),
)


def env(n: int = 8, horizon: int = 30) -> PickAndPlaceVectorEnv:
    return PickAndPlaceVectorEnv(n, timestep=0.005, horizon=horizon)


class Cut(Exception):
    """Training is cut off."""


def cut_at(stage: str, share: float) -> Progress:
    def progress(now: str, done: float, text: str) -> None:
        if now == stage and done >= share:
            raise Cut

    return progress


def observation(**parts: object) -> np.ndarray:
    row = np.zeros((1, OBSERVATION.size), dtype=np.float32)
    row[:, OBSERVATION.slice("gripper_width")] = 0.08
    for name, value in parts.items():
        row[0, OBSERVATION.slice(name)] = value
    return row


def test_the_teacher_knows_which_behaviour_is_due() -> None:
    teacher = Teacher()
    far = observation(object_minus_tool=[0.1, 0.0, -0.2])
    over = observation(object_minus_tool=[0.0, 0.0, -0.06])
    held = observation(object_minus_tool=[0.0, 0.0, 0.005], gripper_width=0.039)
    empty = observation(object_minus_tool=[0.0, 0.0, 0.005], gripper_width=0.001)
    due = [int(teacher.reference(row)[0]) for row in (far, over, held, empty)]
    assert due == [APPROACH, GRASP, RETRACT, GRASP]


def test_the_teacher_opens_a_gripper_that_closed_on_nothing() -> None:
    beside = observation(object_minus_tool=[0.02, 0.0, -0.01], gripper_width=0.001)
    assert Teacher().grasp(beside)[0, 4] == 1.0


def test_imitation_lowers_the_error_on_states_it_has_not_seen() -> None:
    torch.manual_seed(0)
    net, teacher, config = BehaviourNet(5), Teacher(), ImitationConfig(batch=128)
    episodes = env(8)
    episodes.reset(seed=0)
    seen, _ = collect(episodes, net, teacher, config, 1.0, np.random.default_rng(0))
    episodes.reset(seed=1)
    unseen, _ = collect(episodes, net, teacher, config, 1.0, np.random.default_rng(1))

    def error() -> float:
        with torch.no_grad():
            return float((net(unseen.observations)[2] - unseen.actions).square().mean())

    before = error()
    fit(net, seen, config, 150, torch.Generator().manual_seed(0))
    assert error() < 0.5 * before


def test_imitation_cut_off_after_a_round_goes_on_to_the_bit(tmp_path: Path) -> None:
    whole = imitate(env(), SMALL, seed=3)

    with RunFolder(tmp_path, SMALL) as folder, pytest.raises(Cut):
        imitate(env(), SMALL, 3, folder.stage("behaviours"), cut_at("behaviours", 0.5))
    with RunFolder(tmp_path, SMALL, resume=True) as folder:
        resumed = imitate(env(), SMALL, 3, folder.stage("behaviours"))
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_training_is_reproducible_and_a_finished_run_resumes_to_itself(tmp_path: Path) -> None:
    one = train_bbrl(TINY, tmp_path / "one").policy
    two = train_bbrl(TINY, tmp_path / "two").policy
    for part in ("behaviours", "choreographer"):
        weights = [(policy / part / "model.safetensors").read_bytes() for policy in (one, two)]
        assert weights[0] == weights[1]
    again = train_bbrl(TINY, tmp_path / "one", resume=True).policy
    for part in ("behaviours", "choreographer"):
        after = (again / part / "model.safetensors").read_bytes()
        assert after == (two / part / "model.safetensors").read_bytes()
    with pytest.raises(RunError, match="already holds a run"):
        train_bbrl(TINY, tmp_path / "one")


def test_a_choreographer_cut_off_halfway_goes_on_to_the_bit(tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, choreographer=LONGER)
    whole = train_bbrl(config, tmp_path / "whole").policy
    # Given a run that ended between two checkpoints
    with pytest.raises(Cut):
        train_bbrl(config, tmp_path / "cut", progress=cut_at("choreographer", 0.5))
    # When it is resumed
    resumed = train_bbrl(config, tmp_path / "cut", resume=True).policy
    # Then weights and metrics are those of a run in one piece
    for part in ("behaviours", "choreographer"):
        weights = [(run / part / "model.safetensors").read_bytes() for run in (whole, resumed)]
        assert weights[0] == weights[1]
    assert metrics(tmp_path / "cut") == metrics(tmp_path / "whole")


def test_a_choreographer_is_not_gone_on_with_for_other_behaviours(tmp_path: Path) -> None:
    other = train_bbrl(dataclasses.replace(TINY, seed=7), tmp_path / "other").policy
    mine = train_bbrl(TINY, tmp_path / "mine").policy
    alone = {"parts": ("choreographer",)}
    train_bbrl(TINY, tmp_path / "run", behaviours=mine, **alone)  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"cannot resume .* .behaviours: \w+ there, \w+ here"):
        train_bbrl(TINY, tmp_path / "run", behaviours=other, resume=True, **alone)  # type: ignore[arg-type]


def test_a_run_that_a_budget_ended_can_be_gone_on_with(tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, choreographer=LONGER)
    assert not train_bbrl(config, tmp_path, seconds=1e-3).finished
    before = metrics(tmp_path)
    assert train_bbrl(config, tmp_path, resume=True).finished
    after = metrics(tmp_path)
    assert after[: len(before)] == before
    assert after[-1]["episodes"] == LONGER.iterations * TINY.choreographer_envs


def metrics(run: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in row.keys() - {"seconds"}} for row in rows]


def test_shaping_pays_nothing_for_a_detour() -> None:
    # Given an episode with any course
    rng = np.random.default_rng(0)
    course = rng.normal(size=(6, 1, OBSERVATION.size)).astype(np.float32)
    config, discount = DecisionConfig(), 0.9
    # When the shaping of all its decisions is summed up
    worth = [potential(state, config)[0] for state in course]
    shaped = sum(discount**t * (discount * worth[t + 1] - worth[t]) for t in range(len(course) - 1))
    # Then only its ends count
    assert shaped == pytest.approx(discount ** (len(course) - 1) * worth[-1] - worth[0])


def test_a_choreographer_alone_needs_behaviours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a choreographer alone needs --behaviours"):
        train_bbrl(TINY, tmp_path, parts=("choreographer",))


def test_a_choreographer_alone_keeps_the_behaviours_it_was_given(tmp_path: Path) -> None:
    from introspect_learning.models import shipped

    policy = train_bbrl(
        dataclasses.replace(TINY, seed=4),
        tmp_path,
        parts=("choreographer",),
        behaviours=shipped(),
    ).policy
    for name in ("model.onnx", "model.safetensors", "contract.json"):
        given = (shipped() / "behaviours" / name).read_bytes()
        assert (policy / "behaviours" / name).read_bytes() == given


def test_advantages_are_those_of_the_definition() -> None:
    rng = torch.Generator().manual_seed(0)
    rewards, values = torch.rand(4, 2, generator=rng), torch.rand(4, 2, generator=rng)
    rollout = ppo.Rollout(torch.zeros(4, 2, 1), torch.zeros(4, 2), values, values, rewards)
    config = ppo.PPOConfig(discount=0.9, trace=0.8)
    wanted = torch.zeros(4, 2)
    ahead = torch.cat([values[1:], torch.zeros(1, 2)])
    delta = rewards + 0.9 * ahead - values
    for t in range(4):
        for k in range(t, 4):
            wanted[t] += (0.9 * 0.8) ** (k - t) * delta[k]
    torch.testing.assert_close(ppo.advantages(rollout, config), wanted)


def test_ppo_makes_rewarded_choices_more_probable() -> None:
    torch.manual_seed(0)
    logits = torch.nn.Parameter(torch.zeros(3))

    class Bandit:
        def evaluate(
            self, inputs: torch.Tensor, choices: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            logs = torch.log_softmax(logits, 0)
            taken = logs[choices]
            entropy = -(logs.exp() * logs).sum().expand(taken.shape)
            return taken, entropy, torch.zeros(taken.shape, requires_grad=True)

    optimiser = torch.optim.Adam([logits], 0.05)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        probabilities = logits.detach().softmax(0)
        choices = torch.multinomial(probabilities, 64, True, generator=generator)[None]
        rollout = ppo.Rollout(
            torch.zeros(1, 64, 1),
            choices,
            probabilities.log()[choices],
            torch.zeros(1, 64),
            (choices == 2).float(),
        )
        ppo.update(Bandit(), [logits], optimiser, rollout, ppo.PPOConfig(), 0.0, generator)
    assert float(logits.softmax(0)[2]) > 0.8
