"""The pages about real arms say what the data files say."""

from __future__ import annotations

import pytest

from introspect_description import ArmDescription, share_dir

DOCS = share_dir() / "docs"
ARMS = sorted(path.stem for path in (share_dir() / "urdf" / "arms").glob("*.yaml"))
REFERENCE = (DOCS / "reference" / "arms.md").read_text()
DRIVERS = (DOCS / "hardware" / "drivers.md").read_text()


def row(page: str, name: str, *wanted: str) -> str:
    """The row of an arm in the table that has all of these."""
    rows = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    found = [line for line in rows if all(text in line for text in wanted)]
    assert found, f"no row of {name} has all of {wanted}; there are {rows}"
    return found[0]


@pytest.mark.parametrize("name", ARMS)
def test_the_reference_has_every_arm_with_its_interface(name: str) -> None:
    arm = ArmDescription.load(name)
    assert arm.driver is not None
    assert arm.gripper.real is not None
    row(REFERENCE, name, f"`{arm.controller.name}`", f"`{arm.controller.state_topic}`")
    real = row(
        REFERENCE,
        name,
        arm.driver.package,
        f"`{arm.driver.state_topic}`, {arm.driver.state_rate:g} Hz",
        arm.gripper.real.command_name or "none",
    )
    assert real.rstrip("| ").endswith(f"`{arm.driver.direct}`") == bool(arm.driver.direct)


@pytest.mark.parametrize("name", ARMS)
def test_the_drivers_page_has_every_start_command(name: str) -> None:
    driver = ArmDescription.load(name).driver
    assert driver is not None
    row(DRIVERS, name, f"`{driver.start_command('ADDRESS')}`")
