"""What a choreographer listens to: features, internal states, or both, by one key.

Source: the five ways of the published system, ``features`` to ``sample``; the others are controls.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from introspect_learning.behaviours.inputs import INPUT_INDEX
from introspect_learning.behaviours.networks import BEHAVIOURS, FEATURE_SIZE, LAYERS
from introspect_learning.internal_states.model import InternalStateModel, sample

INTERNAL = ("means", "features+means", "means+log_variance", "sample")
"""Ways that need an internal-state model."""

LISTENS_TO = ("features", *INTERNAL, "observation", "phase")
"""Every way: the five published ones, then the scaled observation and the true phase as
controls."""

_SOURCES: dict[str, tuple[str, ...]] = {
    "features": ("features",),
    "observation": ("observation",),
    "phase": ("phase",),
} | dict.fromkeys(INTERNAL, LAYERS)
_SIZES = {
    "observation": len(INPUT_INDEX),
    "phase": len(BEHAVIOURS),
    **dict.fromkeys(LAYERS, FEATURE_SIZE),
}


def check_listening(listens_to: str, tuned: bool) -> None:
    """Refuse a way that does not exist, and an encoder to tune where there is none.

    Raises:
        ValueError: The text lists the ways that exist.
    """
    if listens_to not in LISTENS_TO:
        raise ValueError(f"listens_to must be one of {', '.join(LISTENS_TO)}, got {listens_to!r}")
    if tuned and listens_to not in INTERNAL:
        raise ValueError(f"listens_to {listens_to!r} has no encoder to tune")


class Listener(nn.Module):
    """Turns what is heard of the behaviours into what the choreographer reads.

    ``heard`` is the layers of ``sources`` side by side, followed by ``noise`` standard normal
    numbers.

    Args:
        listens_to: one of ``LISTENS_TO``.
        model: of the internal states, for those ways that need one; the listener has it to itself.
        tuned: whether the encoder goes on learning with the choreographer.

    Raises:
        ValueError: An unknown way, a model missing or not needed, or one of other layers.
    """

    def __init__(
        self,
        listens_to: str = "features",
        model: InternalStateModel | None = None,
        *,
        tuned: bool = False,
    ) -> None:
        super().__init__()
        check_listening(listens_to, tuned)
        if (listens_to in INTERNAL) != (model is not None):
            raise ValueError(
                f"listens_to {listens_to!r} {'needs an' if model is None else 'takes no'} "
                "internal-state model"
            )
        self.listens_to = listens_to
        self.tuned = tuned
        self.sources = _SOURCES[listens_to]
        self.sizes = {name: _SIZES[name] for name in self.sources}
        heard = sum(self.sizes.values())
        self.model = model
        if model is None:
            self.noise, self.size = 0, heard
            return
        if model.inputs != heard:
            raise ValueError(
                f"the internal-state model reads {model.inputs} activations, but {listens_to!r} "
                f"hears {heard} of the layers {', '.join(self.sources)}"
            )
        latent = model.config.latent
        self.noise = latent if listens_to == "sample" else 0
        self.size = {
            "means": latent,
            "features+means": FEATURE_SIZE + latent,
            "means+log_variance": 2 * latent,
            "sample": latent,
        }[listens_to]
        model.decoder = nn.Sequential()  # nobody here reconstructs anything
        model.encoder.requires_grad_(tuned)

    def hear(self, layers: Mapping[str, Tensor], noise: Tensor | None = None) -> Tensor:
        """What is heard of n observations.

        Args:
            layers: name -> (n, size); more than the sources does no harm.
            noise: (n, self.noise) as ``draw`` gives it; None: none, a sample is the mean.
        """
        parts = [layers[name] for name in self.sources]
        if self.noise:
            parts.append(torch.zeros(len(parts[0]), self.noise) if noise is None else noise)
        return torch.cat(parts, dim=-1)

    def draw(self, n: int, generator: torch.Generator | None) -> Tensor | None:
        """Noise for n observations, if any is needed."""
        if not self.noise or generator is None:
            return None
        return torch.randn(n, self.noise, generator=generator)

    def forward(self, heard: Tensor) -> Tensor:
        """What is read, (..., size), of what is heard, (..., sum of sources + noise)."""
        if self.model is None:
            return heard
        activations = heard[..., : self.model.inputs]
        mean, log_variance = self.model.encode(activations)
        if self.listens_to == "means":
            return mean
        if self.listens_to == "means+log_variance":
            return torch.cat([mean, self.model.doubt(log_variance)], dim=-1)
        if self.listens_to == "sample":
            return sample(mean, log_variance, heard[..., self.model.inputs :])
        return torch.cat([activations[..., -FEATURE_SIZE:], mean], dim=-1)
