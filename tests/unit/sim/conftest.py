"""What the tests of the simulation share."""

import pytest
from wall_clock import Wall


@pytest.fixture
def wall() -> Wall:
    return Wall()
