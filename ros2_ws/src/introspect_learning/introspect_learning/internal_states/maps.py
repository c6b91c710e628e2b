"""Maps of internal states: two dimensions, coloured by what is known of each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from introspect_learning.data.activations import UNKNOWN, ActivationDataset
from introspect_learning.pictures import pyplot, save

FEWEST = 5  # states that every method can place
STEPS = 2500  # of a map: more only hide each other, and t-SNE takes its time
OUTCOMES = ("failed", "succeeded")


@dataclass(frozen=True)
class Map:
    """One projection of internal states."""

    name: str
    points: NDArray[np.float32]  # (N, 2)


def project(states: NDArray[np.float32], seed: int) -> list[Map]:
    """Project internal states (N, latent) by each method that is installed.

    Principal components, t-SNE (van der Maaten and Hinton 2008), and UMAP (McInnes et al. 2018)
    where ``umap-learn`` is there.

    Raises:
        ValueError: States that no map can be drawn of: few, of one dimension, or all alike.
    """
    if len(states) < FEWEST or states.shape[1] < 2:
        raise ValueError(
            f"a map needs at least {FEWEST} states of at least 2 dimensions, got {states.shape}"
        )
    if np.linalg.matrix_rank(states - states.mean(axis=0), tol=1e-6) < 2:
        raise ValueError("a map needs states that differ in at least 2 directions")
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(states) - 1) / 3.0)
    methods: dict[str, Any] = {
        "PCA": PCA(2, random_state=seed),
        "t-SNE": TSNE(2, perplexity=perplexity, init="pca", random_state=seed),
    }
    try:
        from umap import UMAP
    except ImportError:
        pass
    else:
        methods["UMAP"] = UMAP(n_neighbors=min(15, len(states) - 1), random_state=seed, n_jobs=1)
    with threadpool_limits(1):  # the same map on every machine, and no waiting for busy cores
        return [
            Map(name, np.asarray(method.fit_transform(states), dtype=np.float32))
            for name, method in methods.items()
        ]


def draw_maps(states: NDArray[np.float32], data: ActivationDataset, seed: int, file: Path) -> Path:
    """Draw maps of the steps of a dataset: a row for each method, a column for each label.

    Args:
        states: (N, latent) internal states of the dataset's steps.
        data: whose phase, behaviour and success colour the points; what is unknown stays grey.
        seed: of the choice of steps and of the projections.
        file: to write to.

    Returns:
        The file.

    Raises:
        ValueError: States that no map can be drawn of.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(states))[:STEPS])
    maps, shown = project(states[rows], seed), data.take(rows)
    columns: dict[str, tuple[NDArray[np.int64], Sequence[str]]] = {
        "phase": (shown.phase, shown.phases),
        "behaviour that acted": (shown.behaviour, shown.behaviours),
        "outcome of the attempt": (shown.success, OUTCOMES),
    }
    plt = pyplot()
    figure, axes = plt.subplots(
        len(maps),
        len(columns),
        figsize=(3.6 * len(columns), 3.2 * len(maps)),
        squeeze=False,
        layout="constrained",
    )
    episodes = len(shown.episodes)
    figure.suptitle(f"{len(shown)} steps of {episodes} episodes that nothing was learned from")
    for number, (row, found) in enumerate(zip(axes, maps, strict=True)):
        for ax, (title, (labels, names)) in zip(row, columns.items(), strict=True):
            _scatter(ax, found.points, labels, names)
            ax.set(xticks=[], yticks=[])
            if number == 0:
                ax.set_title(title)
                ax.legend(fontsize=7, markerscale=2.5)
        row[0].set_ylabel(found.name)
    return save(figure, file)


def _scatter(
    ax: Any, points: NDArray[np.float32], labels: NDArray[np.int64], names: Sequence[str]
) -> None:
    for index, name in ((UNKNOWN, "unknown"), *enumerate(names)):
        here = points[labels == index]
        if len(here):
            colour = "0.75" if index == UNKNOWN else f"C{index}"
            ax.scatter(here[:, 0], here[:, 1], s=5, lw=0, color=colour, label=name)
