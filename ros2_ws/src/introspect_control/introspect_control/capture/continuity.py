"""Whether what was recorded of an episode is all of it: sequence numbers without gaps."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

NUMBERED = frozenset(
    f"introspect_msgs/msg/{name}"
    for name in ("Activations", "BehaviourStatus", "InternalState", "PolicyAction")
)
"""Types whose messages carry episode, sequence and model_hash."""

_SENT = "policy/action_sent"
"""Says what became of actions: one that the next overtakes within a cycle of the bridge is left
out, so that a number may be missing without having been lost."""

_MOST_GAPS = 5  # of a stream that are told one by one


@dataclass
class _Stream:
    """The numbered messages of one topic, and of one layer where there are layers."""

    name: str
    episode: int | None = None
    sequence: int = -1
    gaps: list[str] = field(default_factory=list)
    missing: int = 0
    hashes: dict[str, int] = field(default_factory=dict)  # of models: messages


class Continuity:
    """Follows the numbers of all streams.

    Within an episode a message has the number of the one before it (a question that is asked
    again, the hold at the end) or the next one. An episode begins at 0, but for the first of a
    recording, which may have been under way.
    """

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._episodes: dict[str, set[int]] = defaultdict(set)

    @property
    def episodes(self) -> int:
        """Episodes of which anything was recorded."""
        return len(set().union(*self._episodes.values()))

    def see(self, topic: str, type_name: str, message: Any) -> None:
        """Take in a message of any type, in the order of the recording."""
        if type_name not in NUMBERED:
            return
        try:
            episode, sequence = int(message.episode), int(message.sequence)
            model, layer = str(message.model_hash), str(getattr(message, "layer", ""))
        except (AttributeError, TypeError, ValueError):
            return  # a type of the same name from elsewhere
        stream = self._streams.get((topic, layer))
        if stream is None:
            name = f"{topic}, layer {layer}" if layer else topic
            stream = self._streams[topic, layer] = _Stream(name)
        stream.hashes[model] = stream.hashes.get(model, 0) + 1
        self._episodes[topic].add(episode)
        self._follow(stream, episode, sequence)

    def findings(self) -> list[str]:
        """What is wrong, one line each."""
        found: list[str] = []
        for stream in self._streams.values():
            found += stream.gaps[:_MOST_GAPS]
            if (more := len(stream.gaps) - _MOST_GAPS) > 0:
                found.append(f"{stream.name}: {more} more gaps; {stream.missing} missing in all")
            if len(stream.hashes) > 1:
                models = ", ".join(
                    f"{model[:12] or 'none'} ({count} messages)"
                    for model, count in sorted(stream.hashes.items())
                )
                found.append(f"{stream.name}: recorded from more than one model: {models}")
        return found

    def _follow(self, stream: _Stream, episode: int, sequence: int) -> None:
        where = f"{stream.name}: episode {episode}"
        if stream.episode is None:
            pass
        elif episode != stream.episode:
            if sequence != 0 and not stream.name.endswith(_SENT):
                stream.missing += sequence
                stream.gaps.append(f"{where} begins with sequence {sequence}, not 0")
        elif sequence > stream.sequence and stream.name.endswith(_SENT):
            pass
        elif sequence not in (stream.sequence, stream.sequence + 1):
            stream.missing += max(0, sequence - stream.sequence - 1)
            stream.gaps.append(f"{where}: sequence {stream.sequence} is followed by {sequence}")
        stream.episode, stream.sequence = episode, sequence
