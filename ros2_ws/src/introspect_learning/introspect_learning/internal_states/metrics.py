"""How good an internal state is: on episodes that nothing was learned from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from introspect_learning.data.activations import UNKNOWN, ActivationDataset
from introspect_learning.internal_states.model import InternalStateModel, divergence

DECODER_VARIANCE = 0.5  # of a standardised unit: what makes the published loss a likelihood
ACTIVE = 0.01  # variance of a dimension's mean above which it says something (Burda et al. 2016)
SILHOUETTE_STEPS = 3000  # of a held-out set, for the silhouette is quadratic in their number


@torch.no_grad()
def describe(model: InternalStateModel, held_out: ActivationDataset, seed: int) -> dict[str, float]:
    """Reconstruction and use of the latent dimensions.

    Args:
        model: trained.
        held_out: steps of episodes that it has never seen.
        seed: of the noise that states are sampled with.

    Returns:
        ``elbo`` [nats a step; the VAE alone], ``divergence`` [nats], ``r2`` (mean over units of
        the explained share of variance), ``r2_p05`` (of the units, 5 % do worse), ``active_units``.
    """
    activations = torch.from_numpy(held_out.activations)
    target = model.standardise(activations)
    found = model(activations)
    error = (found.activations - target).square().mean(dim=0)
    variance = target.var(dim=0, unbiased=False)
    live = variance > 1e-6
    r2 = (1.0 - error[live] / variance[live]).numpy()
    active = found.mean.var(dim=0) > ACTIVE
    result = {
        "r2": float(r2.mean()),
        "r2_p05": float(np.quantile(r2, 0.05)),
        "active_units": float(active.sum()),
    }
    if model.config.kind == "vae":
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(found.mean.shape, generator=generator)
        sampled = model(activations, noise).activations
        squared = (sampled - target).square().sum(dim=-1)
        nats = 0.5 * squared / DECODER_VARIANCE
        nats += 0.5 * target.shape[1] * math.log(2.0 * math.pi * DECODER_VARIANCE)
        kl = divergence(found.mean, found.log_variance).sum(dim=-1)
        result["elbo"] = float(-(nats + kl).mean())
        result["divergence"] = float(kl.mean())
    return result


@torch.no_grad()
def means(model: InternalStateModel, data: ActivationDataset) -> NDArray[np.float32]:
    """Internal states (N, latent) of all steps."""
    mean: NDArray[np.float32] = model.encode(torch.from_numpy(data.activations))[0].numpy()
    return mean


def phase_probe(
    states: NDArray[np.float32],
    data: ActivationDataset,
    held_states: NDArray[np.float32],
    held_out: ActivationDataset,
) -> tuple[float, Any]:
    """A linear probe from internal state to phase.

    Returns:
        Its accuracy on the held-out episodes, and the probe (scikit-learn's LogisticRegression).
    """
    from sklearn.linear_model import LogisticRegression

    known, asked = data.phase != UNKNOWN, held_out.phase != UNKNOWN
    probe = LogisticRegression(max_iter=2000, C=100.0)
    probe.fit(states[known], data.phase[known])
    return float(probe.score(held_states[asked], held_out.phase[asked])), probe


def phase_silhouette(states: NDArray[np.float32], phase: NDArray[np.int64], seed: int) -> float:
    """How well phases lie apart in the states, from -1 to 1 (Rousseeuw 1987)."""
    from sklearn.metrics import silhouette_score

    rows = np.flatnonzero(phase != UNKNOWN)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(rows)[:SILHOUETTE_STEPS]
    if len(np.unique(phase[rows])) < 2:
        return float("nan")
    return float(silhouette_score(states[rows], phase[rows]))
