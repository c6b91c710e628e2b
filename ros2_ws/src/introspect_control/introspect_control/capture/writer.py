"""Records messages into a bag, from one thread of its own: whoever hands them over never waits."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from introspect_control.atomic import sync
from introspect_control.capture.definition import Definition
from introspect_control.capture.errors import BagError
from introspect_control.capture.mcap_file import McapFile
from introspect_control.capture.metadata import as_text, describe, write_metadata
from introspect_control.capture.offered_qos import OfferedQos, profiles_text

_log = logging.getLogger(__name__)

FLUSH_PERIOD = 0.5  # longest time that a message waits to be in the file [s]
CHUNK_BYTES = 1 << 20  # of a chunk before it is compressed: what a reader reads at a time
QUEUE_BYTES = 256 << 20  # of messages that wait for the disk
_POLL = 0.02  # between two looks at the queue [s]: to be woken for each message costs more
_OVERHEAD = 200  # of a queued message, beside its own bytes


@dataclass(frozen=True)
class Progress:
    """How far a recording has come."""

    seconds: float  # since it began
    messages: int  # handed over and not lost
    lost: int  # messages that did not fit, or could not be written
    bytes: int  # of the file
    failure: str  # why recording stopped by itself; "" while it has not


@dataclass(frozen=True)
class _Topic:
    number: int
    name: str
    definition: Definition
    type_hash: str
    qos: tuple[OfferedQos, ...]


_Item = tuple[int, int, int, bytes]  # topic, log time [ns], publish time [ns], message


class BagWriter:
    """A bag that is being recorded.

    One thread writes the file, another waits for the disk, so that a disk that stalls delays
    neither the caller nor what is written next. At most ``FLUSH_PERIOD`` of messages is lost when
    the process is killed. When the file cannot be written any more, recording stops: ``progress``
    says why, and what was written until then stays readable.

    ``add_topic`` and ``write`` are for one thread; the messages of a topic come after it.

    Args:
        folder: of the new bag; must not exist.
        queue_bytes: most that may wait for the disk [bytes]; what does not fit is lost.

    Raises:
        BagError: The folder exists, or cannot be written to.
    """

    def __init__(self, folder: Path, queue_bytes: int = QUEUE_BYTES) -> None:
        self.folder = folder
        self._path = folder / f"{folder.name}_0.mcap"
        self._limit = queue_bytes
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise BagError(f"{folder} exists already; name a folder that does not") from None
        except OSError as error:
            raise BagError(f"cannot record into {folder}: {error.strerror}") from error
        try:
            self._file = McapFile(self._path)
            try:
                write_metadata(folder, self._describe())
                sync(folder.parent)
            except OSError:
                self._file.close()
                raise
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise BagError(f"cannot record into {folder}: {error.strerror}") from error
        self._queue: deque[_Topic | _Item] = deque()
        self._started = time.monotonic()
        self._ended: float | None = None
        self._topics = 0
        # Each of these has one writer only, so that none needs a lock.
        self._taken = self._refused = self._queued = 0  # by the caller: messages, messages, bytes
        self._dropped = self._unqueued = 0  # by the thread: messages, bytes
        self._failure = ""
        self._sync_error: OSError | None = None
        self._stop, self._sync = threading.Event(), threading.Event()
        self._writing = threading.Thread(target=self._run, name="bag writer", daemon=True)
        self._syncing = threading.Thread(target=self._wait_for_disk, name="bag sync", daemon=True)
        self._writing.start()
        self._syncing.start()

    def add_topic(
        self, name: str, definition: Definition, qos: Sequence[OfferedQos] = (), type_hash: str = ""
    ) -> int:
        """Announce a topic.

        Args:
            name: absolute.
            definition: of its type.
            qos: what its publishers offer.
            type_hash: of its type, as on the wire; by default that of the definition.

        Returns:
            Its number, for ``write``.
        """
        self._topics += 1
        topic = _Topic(self._topics, name, definition, type_hash or definition.hash, tuple(qos))
        self._queue.append(topic)
        return self._topics

    def write(self, topic: int, log_time: int, data: bytes, publish_time: int = 0) -> bool:
        """Hand over a message, without waiting.

        Args:
            topic: number of its topic.
            log_time: when it was received [ns since 1970].
            data: its bytes, as they came.
            publish_time: when it was sent [ns since 1970]; 0: the same.

        Returns:
            Whether it was taken; otherwise it counts as lost.
        """
        size = len(data) + _OVERHEAD
        waiting = self._queued - self._unqueued
        if self._failure or self._stop.is_set() or waiting + size > self._limit:
            self._refused += 1
            return False
        self._queued += size
        self._taken += 1
        self._queue.append((topic, log_time, publish_time or log_time, data))
        return True

    @property
    def progress(self) -> Progress:
        """How far it has come; from any thread."""
        end = time.monotonic() if self._ended is None else self._ended
        return Progress(
            seconds=end - self._started,
            messages=self._taken - self._dropped,
            lost=self._refused + self._dropped,
            bytes=self._file.size,
            failure=self._failure,
        )

    def close(self) -> Progress:
        """Write everything that waits, and the end of the file; a second call does nothing."""
        if not self._stop.is_set():
            self._stop.set()
            self._writing.join()
            self._sync.set()
            self._syncing.join()
            self._drop_queue()  # what came while recording stopped by itself
        return self.progress

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # What follows runs in the writing thread.

    def _run(self) -> None:
        try:
            self._record()
        except OSError as error:
            self._fail(error.strerror or str(error))
        except Exception as error:  # a fault of ours must not look like a recording that goes on
            _log.exception("recording into %s", self._path)
            self._fail(f"{type(error).__name__}: {error}")
        try:
            self._finish()
        except OSError as error:
            self._fail(error.strerror or str(error), closed=False)
        finally:
            self._ended = time.monotonic()

    def _record(self) -> None:
        flushed = time.monotonic()
        while True:
            stopping = self._stop.wait(_POLL)  # before the queue is emptied for the last time
            while self._queue:
                self._take(self._queue.popleft())
                if self._file.pending_bytes >= CHUNK_BYTES:
                    self._flush()
            if self._sync_error is not None:
                raise self._sync_error
            now = time.monotonic()
            if stopping or now - flushed >= FLUSH_PERIOD - 2 * _POLL:
                flushed = now
                self._flush()
            if stopping:
                return

    def _take(self, item: _Topic | _Item) -> None:
        if isinstance(item, _Topic):
            schema = self._file.add_schema(item.definition.name, item.definition.text)
            profiles = profiles_text(profile.as_dict() for profile in item.qos)
            metadata = {"offered_qos_profiles": profiles, "topic_type_hash": item.type_hash}
            self._file.add_channel(item.name, schema, metadata)
        else:
            topic, log_time, publish_time, data = item
            self._unqueued += len(data) + _OVERHEAD
            self._file.add_message(topic, log_time, publish_time, data)

    def _flush(self) -> None:
        if count := self._file.pending:
            try:
                self._file.flush()
            except OSError:
                self._dropped += count
                raise
            self._sync.set()

    def _fail(self, reason: str, closed: bool = True) -> None:
        """Stop recording: say why, and count what is lost with it."""
        cure = "what was written until then stays readable"
        if not closed:
            cure = f"introspect bag repair {self.folder} makes what was written readable"
        self._failure = f"recording into {self._path} stopped: {reason}; {cure}"
        self._dropped += self._file.pending
        self._drop_queue()

    def _drop_queue(self) -> None:
        while self._queue:
            if not isinstance(self._queue.popleft(), _Topic):
                self._dropped += 1

    def _finish(self) -> None:
        """Close the file, also one that is cut short by a full disk: its end is small."""
        content = self._describe()
        try:
            self._file.finish(as_text(content))
            self._file.sync()  # first: metadata must not count messages that a power cut takes
            write_metadata(self.folder, content)
        finally:
            self._file.close()

    def _describe(self) -> dict[str, object]:
        file = self._file
        return describe([(self._path.name, file.counts)], file.schemas, file.channels)

    def _wait_for_disk(self) -> None:
        """In a thread of its own: the disk may take its time."""
        while True:
            self._sync.wait()
            self._sync.clear()
            if self._ended is not None:
                return
            try:
                self._file.sync()
            except OSError as error:
                if not self._stop.is_set():  # else the file has been closed under our hands
                    self._sync_error = error
