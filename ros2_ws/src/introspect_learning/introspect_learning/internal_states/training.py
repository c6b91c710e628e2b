"""The internal-state model learns from captured activations."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from introspect_learning.data.activations import ActivationDataset, DataError
from introspect_learning.internal_states.model import (
    InternalStateConfig,
    InternalStateModel,
    divergence,
)
from introspect_learning.rl.environment import Progress, silent
from introspect_learning.runs.checkpoint import (
    module_tensors,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
)
from introspect_learning.runs.stage import Stage


@dataclass(frozen=True)
class LearningConfig:
    """Numbers of the training."""

    model: InternalStateConfig = field(default_factory=InternalStateConfig)
    beta: float = 0.1  # weight of the divergence in the end; published: 1, which keeps 11 of 50
    warm_up: float = 0.25  # share of the training over which it rises from 0
    epochs: int = 12
    batch: int = 256  # steps
    learning_rate: float = 1e-3
    held_out: float = 0.2  # share of the episodes that nothing is learned from

    def __post_init__(self) -> None:
        """Refuse numbers that train nothing."""
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0.0 < self.held_out < 1.0:
            raise ValueError(f"held_out must be in (0, 1), got {self.held_out}")
        if not 0.0 <= self.warm_up <= 1.0:
            raise ValueError(f"warm_up must be in [0, 1], got {self.warm_up}")
        if not self.beta >= 0.0:
            raise ValueError(f"beta must not be negative, got {self.beta}")
        if not self.learning_rate > 0.0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")


def learn_internal_states(
    data: ActivationDataset,
    config: LearningConfig,
    seed: int,
    stage: Stage | None = None,
    progress: Progress = silent,
    seconds: float = 0.0,
) -> tuple[InternalStateModel, bool]:
    """Learn a model of the activations.

    ``L = Σ (a - â)² + β KL(q(z|a) || N(0, 1))`` with the published sum over units; the controls
    have no divergence, PCA is solved for, and the random encoder learns its decoder alone.

    Args:
        data: to learn from; nothing is held out here.
        config: numbers of the training.
        seed: of weights, order and noise.
        stage: takes metrics and checkpoints against epochs, and is gone on from.
        progress: hears of each epoch.
        seconds: stop after the epoch that takes longer than this, 0: never; a training stopped so
            can be gone on with.

    Returns:
        The model, and whether training has come to its end.

    Raises:
        DataError: Fewer steps or activations than principal components are asked for.
    """
    started = time.perf_counter()
    activations = torch.from_numpy(data.activations)
    steps, inputs = activations.shape
    if config.model.kind == "pca" and config.model.latent > min(steps, inputs):
        raise DataError(
            f"pca of {steps} steps of {inputs} activations has {min(steps, inputs)} components, "
            f"got latent {config.model.latent}"
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = InternalStateModel(inputs, config.model)
    model.fit_scale(activations)
    if config.model.kind == "pca":
        model.fit_principal_components(activations)
        model.fit_means(activations)
        return model, True
    if config.model.kind == "random":
        model.encoder.requires_grad_(False)
        model.fit_means(activations)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(learned, config.learning_rate)
    stage = stage or Stage()
    epoch = 0
    if (saved := stage.load()) is not None:
        tensors, state = saved
        restore_module(model, tensors, "model")
        restore_optimiser(optimiser, tensors, "optimiser")
        generator.set_state(tensors["generator"])
        epoch = state["epoch"]
    out_of_time = False
    while epoch < config.epochs and not out_of_time:
        share = epoch / config.epochs
        for group in optimiser.param_groups:
            group["lr"] = config.learning_rate * (1.0 - 0.95 * share)
        beta = config.beta * min(1.0, share / config.warm_up if config.warm_up else 1.0)
        losses = _epoch(model, optimiser, activations, config, beta, generator)
        epoch += 1
        stage.log(epoch, losses | {"beta": beta}, "epochs")
        out_of_time = seconds > 0.0 and time.perf_counter() - started >= seconds
        if epoch % 5 == 0 or epoch == config.epochs or out_of_time:
            tensors = module_tensors(model, "model") | optimiser_tensors(optimiser, "optimiser")
            stage.save(epoch, tensors | {"generator": generator.get_state()}, {"epoch": epoch})
        text = f"{epoch:>3} epochs, squared error {losses['squared_error']:.2f}"
        progress("internal states", epoch / config.epochs, text)
    if config.model.kind == "autoencoder":
        model.fit_means(activations)  # training leaves them anywhere
    if config.model.kind == "vae":
        model.fit_variances(activations)
    return model, epoch == config.epochs


def _epoch(
    model: InternalStateModel,
    optimiser: torch.optim.Optimizer,
    activations: Tensor,
    config: LearningConfig,
    beta: float,
    generator: torch.Generator,
) -> dict[str, float]:
    sums = {"squared_error": 0.0, "divergence": 0.0}
    variational = config.model.kind == "vae"
    order = torch.randperm(len(activations), generator=generator)
    for rows in torch.split(order, config.batch):
        batch, noise = activations[rows], None
        if variational:
            noise = torch.randn(len(rows), config.model.latent, generator=generator)
        found = model(batch, noise)
        squared_error = (found.activations - model.standardise(batch)).square().sum(dim=-1).mean()
        kl = divergence(found.mean, found.log_variance).sum(dim=-1).mean()
        loss = squared_error + beta * kl if variational else squared_error
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        sums["squared_error"] += float(squared_error.detach()) * len(rows) / len(activations)
        sums["divergence"] += float(kl.detach()) * len(rows) / len(activations)
    return sums if variational else {"squared_error": sums["squared_error"]}
