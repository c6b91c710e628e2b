"""InternalStateModel: a low-dimensional Gaussian over what a network's neurons do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

KINDS = ("vae", "autoencoder", "pca", "random")
KNOWN_EXACTLY = -10.0  # log variance of an internal state from an encoder that has none of its own


@dataclass(frozen=True)
class InternalStateConfig:
    """Shape of the model; the published sizes by default."""

    kind: str = "vae"  # vae; controls: autoencoder, pca, random (an encoder that never learns)
    latent: int = 50  # dimensions of the internal state
    hidden: tuple[int, ...] = (400, 128)  # units of the encoder's layers; the decoder mirrors them

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.latent < 1 or any(size < 1 for size in self.hidden):
            raise ValueError(
                f"latent and hidden must be at least 1, got {self.latent} and {self.hidden}"
            )


class Reconstruction(NamedTuple):
    """What the model makes of n activations."""

    activations: Tensor  # (n, inputs), standardised, as reconstructed
    mean: Tensor  # (n, latent)
    log_variance: Tensor  # (n, latent)


class InternalStateModel(nn.Module):
    """Activations to an internal state and back.

    Activations are standardised unit by unit. A variational autoencoder has a mean and a variance
    of its own for each state; the controls have a mean alone, scaled to unit variance over what
    they were fitted on, so that whoever listens finds the same range everywhere.

    Args:
        inputs: number of activations.
        config: kind and sizes.

    Source: Kingma and Welling 2014 (VAE).
    """

    centre: Tensor
    spread: Tensor
    shift: Tensor
    stretch: Tensor
    usual: Tensor
    varying: Tensor

    def __init__(self, inputs: int, config: InternalStateConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or InternalStateConfig()
        self.inputs = inputs
        self.register_buffer("centre", torch.zeros(inputs))  # of the activations
        self.register_buffer("spread", torch.ones(inputs))
        self.register_buffer("shift", torch.zeros(config.latent))  # of a control's means
        self.register_buffer("stretch", torch.ones(config.latent))
        self.register_buffer("usual", torch.zeros(config.latent))  # log variance, and how it varies
        self.register_buffer("varying", torch.ones(config.latent))
        linear = config.kind == "pca"
        hidden = () if linear else config.hidden
        outputs = config.latent * (2 if config.kind == "vae" else 1)
        self.encoder = _layers((inputs, *hidden, outputs))
        self.decoder = _layers((config.latent, *hidden[::-1], inputs))

    def standardise(self, activations: Tensor) -> Tensor:
        """Activations (n, inputs) in units of their own spread."""
        return (activations - self.centre) / self.spread

    def encode(self, activations: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the internal state, (n, latent) each."""
        encoded = self.encoder(self.standardise(activations))
        if self.config.kind == "vae":
            mean, log_variance = encoded.chunk(2, dim=-1)
            return mean, log_variance.clamp(-12.0, 6.0)
        mean = (encoded - self.shift) / self.stretch
        return mean, torch.full_like(mean, KNOWN_EXACTLY)

    def decode(self, state: Tensor) -> Tensor:
        """Standardised activations (n, inputs) of internal states (n, latent)."""
        activations: Tensor = self.decoder(state * self.stretch + self.shift)
        return activations

    def forward(self, activations: Tensor, noise: Tensor | None = None) -> Reconstruction:
        """Encode and decode.

        Args:
            activations: (n, inputs).
            noise: (n, latent) standard normal, to sample states with; None takes their means.
        """
        mean, log_variance = self.encode(activations)
        state = mean if noise is None else sample(mean, log_variance, noise)
        return Reconstruction(self.decode(state), mean, log_variance)

    def reconstruction_error(self, found: Reconstruction, activations: Tensor) -> Tensor:
        """Mean squared error (n,) of what was found, in units of each unit's own variance."""
        difference = found.activations - self.standardise(activations)
        return difference.square().mean(dim=-1)

    @torch.no_grad()
    def fit_scale(self, activations: Tensor) -> None:
        """Take centre and spread of the activations (N, inputs); still units stay as they are."""
        self.centre.copy_(activations.mean(dim=0))
        spread = activations.std(dim=0)
        self.spread.copy_(torch.where(spread > 1e-4, spread, torch.ones_like(spread)))

    @torch.no_grad()
    def fit_means(self, activations: Tensor) -> None:
        """Bring a control's means to zero mean and unit variance over activations (N, inputs)."""
        encoded = self.encoder(self.standardise(activations))
        if self.config.kind == "vae":
            raise ValueError("the means of a VAE are scaled by its prior, not afterwards")
        self.shift.copy_(encoded.mean(dim=0))
        self.stretch.copy_(encoded.std(dim=0).clamp(min=1e-6))

    @torch.no_grad()
    def fit_variances(self, activations: Tensor) -> None:
        """Take how log variances usually are, and how they vary, over activations (N, inputs)."""
        _, log_variance = self.encode(activations)
        self.usual.copy_(log_variance.mean(dim=0))
        self.varying.copy_(log_variance.std(dim=0).clamp(min=1e-3))

    def doubt(self, log_variance: Tensor) -> Tensor:
        """Log variances (n, latent) in units of how they vary: as far from zero as means are."""
        return (log_variance - self.usual) / self.varying

    @torch.no_grad()
    def fit_principal_components(self, activations: Tensor) -> None:
        """Make encoder and decoder the leading principal components of activations (N, inputs)."""
        standard = self.standardise(activations)
        _, _, directions = torch.linalg.svd(standard - standard.mean(dim=0), full_matrices=False)
        leading = directions[: self.config.latent]
        for layer, weight in ((self.encoder[0], leading), (self.decoder[0], leading.T)):
            assert isinstance(layer, nn.Linear)
            layer.weight.copy_(weight)
            layer.bias.zero_()


def sample(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """States ``mean + exp(½ log_variance) noise``, all (n, latent)."""
    return mean + (0.5 * log_variance).exp() * noise


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence (n, latent) [nats] of each dimension from a standard normal."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


def _layers(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        linear = nn.Linear(inputs, outputs)
        nn.init.xavier_normal_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear] if k == len(sizes) - 2 else [linear, nn.ELU()]
    return nn.Sequential(*layers)
