"""The monitor learns from internal states: phases, failures, and what usually comes next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from introspect_learning.data.activations import UNKNOWN, ActivationDataset
from introspect_learning.internal_states.metrics import phase_probe
from introspect_learning.internal_states.model import InternalStateModel
from introspect_learning.internal_states.monitor import InternalStateMonitor, Memory, nats
from introspect_learning.rl.environment import Progress, silent

FEWEST_FAILURES = 10  # episodes that must have failed before failure can be learned


@dataclass(frozen=True)
class MonitorConfig:
    """Numbers of the monitor's training."""

    forecast_updates: int = 800
    forecast_batch: int = 64  # episodes
    forecast_learning_rate: float = 3e-3
    expectation_updates: int = 4000
    expectation_batch: int = 256  # steps
    expectation_learning_rate: float = 2e-3
    false_alarms: float = 0.001  # share of undisturbed steps that may raise the alarm

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        for name in (
            "forecast_updates",
            "forecast_batch",
            "expectation_updates",
            "expectation_batch",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("forecast_learning_rate", "expectation_learning_rate"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not 0.0 < self.false_alarms < 1.0:
            raise ValueError(f"false_alarms must be in (0, 1), got {self.false_alarms}")


class Tracks:
    """Episodes of internal states, or their parts, side by side, padded to the longest.

    Args:
        monitor: encodes them.
        data: the episodes.
    """

    @torch.no_grad()
    def __init__(self, monitor: InternalStateMonitor, data: ActivationDataset) -> None:
        episodes = data.sequences()
        longest = max(len(rows) for rows in episodes)
        activations = torch.from_numpy(data.activations)
        found = monitor.model(activations)
        view = monitor.view(activations)
        error = monitor.model.reconstruction_error(found, activations)
        shape = len(episodes), longest
        self.states = torch.zeros(*shape, found.mean.shape[1])
        self.views = torch.zeros(*shape, view.shape[1])
        self.error = torch.zeros(shape)
        self.behaviour = torch.zeros(*shape, len(data.behaviours))
        self.mask = torch.zeros(shape, dtype=torch.bool)
        self.disturbed = torch.zeros(shape, dtype=torch.bool)
        self.success = torch.tensor([int(data.success[rows[-1]]) for rows in episodes])
        self.episode = np.array([data.episode[rows[-1]] for rows in episodes])
        acted = torch.from_numpy(data.behaviour)
        one_hot = nn.functional.one_hot(acted.clamp(min=0), len(data.behaviours)).float()
        one_hot[acted == UNKNOWN] = 0.0
        for k, rows in enumerate(episodes):
            self.states[k, : len(rows)] = found.mean[rows]
            self.views[k, : len(rows)] = view[rows]
            self.error[k, : len(rows)] = error[rows]
            self.behaviour[k, : len(rows)] = one_hot[rows]
            self.disturbed[k, : len(rows)] = torch.from_numpy(data.disturbed[rows])
            self.mask[k, : len(rows)] = True

    def transitions(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pairs of views (N, 2, ·), behaviours after them (N, ·), next views (N, ·).

        Of undisturbed steps alone.
        """
        pairs = torch.stack([self.views[:, :-2], self.views[:, 1:-1]], dim=2)
        calm = self.mask[:, 2:] & ~self.disturbed[:, 2:]
        return pairs[calm], self.behaviour[:, 1:-1][calm], self.views[:, 2:][calm]


def learn_monitor(
    model: InternalStateModel,
    data: ActivationDataset,
    held_out: ActivationDataset,
    config: MonitorConfig,
    seed: int,
    progress: Progress = silent,
) -> tuple[InternalStateMonitor, dict[str, float]]:
    """Learn everything that is read off the internal states; the model stays as it is.

    Args:
        model: of the internal states.
        data: episodes to learn from, some of them failed and disturbed if failure is to be known.
        held_out: other episodes; the alarm's threshold comes from their undisturbed steps.
        config: numbers of the training.
        seed: of weights and batches.
        progress: hears of each part.

    Returns:
        The monitor, and what it came to: ``phase_accuracy`` on the held-out episodes, and
        ``failed_episodes`` that failure was learned from (0: it was not).
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        monitor = InternalStateMonitor(model, data.phases, data.behaviours)
    generator = torch.Generator().manual_seed(seed)
    monitor.fit_view(torch.from_numpy(data.activations[~data.disturbed]))
    tracks, apart = Tracks(monitor, data), Tracks(monitor, held_out)
    result = {"phase_accuracy": float("nan"), "failed_episodes": 0.0}
    if len(np.unique(data.phase[data.phase != UNKNOWN])) > 1:
        result["phase_accuracy"] = _probe(monitor, data, held_out)
    progress("monitor", 0.1, "phases")
    _learn_expectation(monitor, tracks, config, generator)
    progress("monitor", 0.5, "expectations")
    result["failed_episodes"] = float(_learn_forecast(monitor, tracks, config, generator))
    _set_alarm(monitor, apart, config)
    progress("monitor", 1.0, f"phase accuracy {result['phase_accuracy']:.3f}")
    return monitor, result


@torch.no_grad()
def _probe(
    monitor: InternalStateMonitor, data: ActivationDataset, held_out: ActivationDataset
) -> float:
    states = [
        monitor.model.encode(torch.from_numpy(part.activations))[0].numpy()
        for part in (data, held_out)
    ]
    accuracy, probe = phase_probe(states[0], data, states[1], held_out)
    weight = torch.zeros_like(monitor.probe.weight)
    bias = torch.full_like(monitor.probe.bias, -30.0)  # phases never met
    found, given = probe.classes_, torch.from_numpy(probe.coef_).float()
    if len(found) == 2:  # scikit-learn keeps one row of two
        given = torch.cat([-0.5 * given, 0.5 * given])
        offset = torch.tensor([-0.5, 0.5]) * float(probe.intercept_[0])
    else:
        offset = torch.from_numpy(probe.intercept_).float()
    weight[found], bias[found] = given, offset
    monitor.probe.weight.copy_(weight)
    monitor.probe.bias.copy_(bias)
    return accuracy


def _learn_expectation(
    monitor: InternalStateMonitor, tracks: Tracks, config: MonitorConfig, generator: torch.Generator
) -> None:
    views, behaviour, following = tracks.transitions()
    net = monitor.expectation
    optimiser = torch.optim.Adam(net.parameters(), config.expectation_learning_rate)
    for update in range(config.expectation_updates):
        _anneal(optimiser, config.expectation_learning_rate, update / config.expectation_updates)
        rows = torch.randint(len(views), (config.expectation_batch,), generator=generator)
        loss = nats(following[rows], *net(views[rows], behaviour[rows])).mean()
        _descend(optimiser, loss)


def _learn_forecast(
    monitor: InternalStateMonitor, tracks: Tracks, config: MonitorConfig, generator: torch.Generator
) -> int:
    known = torch.nonzero(tracks.success != UNKNOWN)[:, 0]
    failed = (tracks.success[known] == 0).float()
    attempts = len(np.unique(tracks.episode[known]))  # all parts of an episode are one
    net, failures = monitor.forecast, len(np.unique(tracks.episode[known[failed > 0.0]]))
    if not FEWEST_FAILURES <= failures <= attempts - FEWEST_FAILURES:
        with torch.no_grad():  # one answer for all: the share that failed
            net.head.weight.zero_()
            share = (failures + 1.0) / (attempts + 2.0)
            net.head.bias.fill_(float(np.log(share / (1.0 - share))))
        return 0
    optimiser = torch.optim.Adam(net.parameters(), config.forecast_learning_rate)
    for update in range(config.forecast_updates):
        _anneal(optimiser, config.forecast_learning_rate, update / config.forecast_updates)
        pick = torch.randint(len(known), (config.forecast_batch,), generator=generator)
        rows = known[pick]
        memory = torch.zeros(len(rows), net.hidden)
        logits = []
        for step in range(tracks.states.shape[1]):
            logit, memory = net(tracks.states[rows, step], memory)
            logits.append(logit)
        target = failed[pick][:, None].expand(-1, len(logits))
        loss = nn.functional.binary_cross_entropy_with_logits(
            torch.stack(logits, dim=1), target, weight=tracks.mask[rows].float()
        )
        _descend(optimiser, loss)
    return failures


@torch.no_grad()
def _set_alarm(monitor: InternalStateMonitor, tracks: Tracks, config: MonitorConfig) -> None:
    views, behaviour, following = tracks.transitions()
    unexpected = nats(following, *monitor.expectation(views, behaviour))
    calm = tracks.mask & ~tracks.disturbed
    for scale, values in (
        (monitor.error_scale, tracks.error[calm]),
        (monitor.surprise_scale, unexpected),
    ):
        middle = values.median()
        scale.copy_(torch.stack([middle, (_quantile(values, 0.99) - middle).clamp(min=1e-6)]))
    monitor.alarm.fill_(1.0)
    level = _quantile(_surprise(monitor, tracks)[calm], 1.0 - config.false_alarms)
    monitor.alarm.copy_(level.clamp(min=1e-3))


def _surprise(monitor: InternalStateMonitor, tracks: Tracks) -> Tensor:
    """How surprised the monitor is at every step (episodes, steps)."""
    n, steps = tracks.mask.shape
    memory: Memory = monitor.start(n)
    none = torch.zeros_like(tracks.behaviour[:, 0])
    surprises = []
    for step in range(steps):
        behaviour = tracks.behaviour[:, step - 1] if step else none
        insight, memory = monitor.follow(
            tracks.states[:, step],
            tracks.views[:, step],
            tracks.error[:, step],
            behaviour,
            memory,
        )
        surprises.append(insight.surprise)
    return torch.stack(surprises, dim=1)


def _anneal(optimiser: torch.optim.Optimizer, rate: float, share: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate * (1.0 - 0.97 * share)


def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _quantile(values: Tensor, share: float) -> Tensor:
    """As ``torch.quantile``, which refuses more than 16 million values."""
    return torch.as_tensor(np.quantile(values.numpy(), share), dtype=torch.float32)
