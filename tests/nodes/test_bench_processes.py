"""What a benchmark says when what it waits for does not come."""

from __future__ import annotations

import pytest

from benchmarks.processes import processes


def wait_in_vain(program: str) -> None:
    with processes({"relay": ["-c", program]}) as started:
        started["relay"].wait()
        raise TimeoutError("the relay did not come")


def test_a_wait_in_vain_tells_who_has_ended_and_what_was_said() -> None:
    with pytest.raises(TimeoutError) as caught:
        wait_in_vain("print('no arm'); raise SystemExit(3)")
    assert str(caught.value) == "the relay did not come\nrelay ended with 3\nno arm\n"
