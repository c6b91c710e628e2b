"""Which links are watched against which."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple


class Exclusion(NamedTuple):
    """Two links that may touch."""

    first: str
    second: str
    reason: str  # "fixed", "adjacent", "fingers" or "home"


class LinkTree:
    """Links that move as one, and which of them a joint connects.

    Args:
        parents: of every link but the root, the link that it is attached to and whether it moves
            against it.
    """

    def __init__(self, parents: Mapping[str, tuple[str, bool]]) -> None:
        self._parents = parents

    def body(self, link: str) -> str:
        """The first link, from the root, of those that move as one with a link."""
        while link in self._parents:
            parent, moves = self._parents[link]
            if moves:
                return link
            link = parent
        return link

    def adjacent(self, first: str, second: str) -> bool:
        """Whether the bodies of two links have a joint in common."""
        a, b = self.body(first), self.body(second)
        return self._joined(a, b) or self._joined(b, a)

    def _joined(self, parent: str, child: str) -> bool:
        return child in self._parents and self.body(self._parents[child][0]) == parent


def choose_pairs(
    tree: LinkTree,
    links: Sequence[str],
    surroundings: Collection[str],
    fingers: Collection[str],
    touching: Collection[tuple[str, str]] = (),
) -> tuple[list[tuple[str, str]], list[Exclusion]]:
    """Sort all pairs of links.

    Args:
        tree: how the links hang together.
        links: that have a shape.
        surroundings: those of them that stand around the arm; they are adjacent to nothing.
        fingers: those of the gripper, which close on one another.
        touching: pairs that touch where the arm is at home, and so always may.

    Returns:
        The pairs to watch, and those not to, with the reason.
    """
    watched, excluded = [], []
    for first, second in itertools.combinations(links, 2):
        if tree.body(first) == tree.body(second):
            reason = "fixed"
        elif first in fingers and second in fingers:
            reason = "fingers"
        elif not {first, second} & set(surroundings) and tree.adjacent(first, second):
            reason = "adjacent"
        elif (first, second) in touching or (second, first) in touching:
            reason = "home"
        else:
            watched.append((first, second))
            continue
        excluded.append(Exclusion(first, second, reason))
    return watched, excluded
