"""The watchdog expires by the clock it is given, and only by that."""

import pytest

from introspect_control.guard import Watchdog


def test_a_watchdog_that_was_never_fed_has_expired() -> None:
    watchdog = Watchdog(0.1)

    assert watchdog.expired(0.0)
    assert watchdog.age(0.0) == float("inf")


def test_it_expires_after_its_timeout_and_not_at_it() -> None:
    watchdog = Watchdog(0.1)
    watchdog.feed(1000.0)

    assert not watchdog.expired(1000.0 + 0.1)
    assert watchdog.expired(1000.0 + 0.11)


def test_feeding_revives_it() -> None:
    watchdog = Watchdog(0.1)
    watchdog.feed(0.0)
    assert watchdog.expired(1.0)

    watchdog.feed(1.0)

    assert not watchdog.expired(1.05)
    assert watchdog.age(1.05) == pytest.approx(0.05)


def test_a_reset_forgets_the_feeding() -> None:
    watchdog = Watchdog(0.1)
    watchdog.feed(0.0)

    watchdog.reset()

    assert watchdog.expired(0.0)


def test_a_timeout_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match=r"timeout must be positive, got 0\.0 s"):
        Watchdog(0.0)
