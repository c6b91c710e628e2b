"""The ways into the choreographer that studies compare."""

from __future__ import annotations

from dataclasses import dataclass

MODES = ("ours", "seed_mode")
"""Decide every few steps, by PPO; or three forced decisions, as published."""


@dataclass(frozen=True)
class Variant:
    """One way into the choreographer."""

    name: str
    listens_to: str  # see ``choreographer.listening``
    encoder: str = ""  # kind of internal-state model, where one is needed
    tuned: bool = False  # the encoder learns with the choreographer
    wide: bool = False  # twice the memory


PUBLISHED = (
    Variant("features", "features"),
    Variant("means", "means", "vae"),
    Variant("features+means", "features+means", "vae"),
    Variant("means+log_variance", "means+log_variance", "vae"),
    Variant("sample", "sample", "vae"),
)
CONTROLS = (
    Variant("observation", "observation"),
    Variant("random_encoder", "means", "random"),
    Variant("pca", "means", "pca"),
    Variant("autoencoder", "means", "autoencoder"),
    Variant("wide", "features", wide=True),
    Variant("phase", "phase"),
    Variant("tuned", "means+log_variance", "vae", tuned=True),
)
VARIANTS = {variant.name: variant for variant in (*PUBLISHED, *CONTROLS)}
"""Every variant by its name; ``features`` is the published baseline without internal states."""
