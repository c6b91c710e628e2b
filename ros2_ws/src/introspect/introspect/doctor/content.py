"""Our own things: messages as built, the arm's data, the shipped model."""

from __future__ import annotations

from pathlib import Path

from introspect.doctor.finding import Finding, note, ok, problem

_REBUILD = "make setup (or tools/build_interfaces.sh)"


def check_interfaces(built: Path | None, sources: Path | None) -> Finding:
    """Whether the messages were built from the present sources.

    Args:
        built: ``share/introspect_msgs`` of the installation; None where it is not installed.
        sources: folder of the package's sources; None outside a checkout.
    """
    name = "interfaces"
    if built is None or not built.is_dir():
        return problem(name, "introspect_msgs is not built", _REBUILD)
    if sources is None or not sources.is_dir():
        return ok(name, f"introspect_msgs in {built}, no sources to compare with")
    wanted = {f"{p.parent.name}/{p.name}": p for p in _definitions(sources)}
    have = {f"{p.parent.name}/{p.name}": p for p in _definitions(built)}
    differing = sorted(
        item
        for item in wanted.keys() | have.keys()
        if item not in wanted or item not in have or _fields(wanted[item]) != _fields(have[item])
    )
    if differing:
        return problem(
            name,
            f"introspect_msgs was built from other sources: {', '.join(differing)}",
            _REBUILD,
        )
    return ok(name, f"introspect_msgs built from these sources ({len(wanted)} definitions)")


def _fields(definition: Path) -> list[str]:
    """What counts in a definition: neither comments nor blanks."""
    lines = (line.partition("#")[0].split() for line in definition.read_text().splitlines())
    return [" ".join(words) for words in lines if words]


def _definitions(folder: Path) -> list[Path]:
    return [path for kind in ("msg", "srv", "action") for path in folder.glob(f"{kind}/*.{kind}")]


def check_arm(name: str) -> Finding:
    """Whether the arm's data file and URDF are whole.

    Args:
        name: of the arm.
    """
    from introspect_description import ArmDescription, DescriptionError

    check = "arm"
    try:
        arm = ArmDescription.load(name)
        arm.urdf()
    except DescriptionError as error:
        return problem(check, str(error), "choose one of those, or mend the file that is named")
    except Exception as error:
        return problem(
            check,
            f"the URDF of {name} cannot be expanded: {error}",
            "mend the xacro file that is named, or git checkout urdf",
        )
    return ok(check, f"{name}: {len(arm.joint_names)} joints, tool frame {arm.tool_frame}")


def check_model(folder: Path | None, arm_name: str) -> Finding:
    """Whether the model's files are those of its contract, and the contract fits the arm.

    Args:
        folder: of the model; None for the shipped one.
        arm_name: of the arm.
    """
    check = "model"
    try:
        from introspect_learning.models import (
            BehavioursRuntime,
            ChoreographerRuntime,
            ContractError,
            policy_hash,
            shipped,
        )
    except ImportError as error:
        return note(check, f"not looked at, as its runtime cannot be imported: {error}")
    from introspect_description import ArmDescription, DescriptionError

    try:
        arm = ArmDescription.load(arm_name)
    except DescriptionError as error:
        return note(check, f"not looked at, as there is no arm to compare with: {error}")
    cure = "git checkout the model's folder, or train it again: introspect train bbrl"
    try:
        path = shipped("bbrl") if folder is None else folder
        behaviours = BehavioursRuntime.load(path, arm)
        ChoreographerRuntime.load(path, behaviours.hash)
    except (ContractError, OSError) as error:
        return problem(check, str(error), cure)
    return ok(check, f"{policy_hash(path)[:12]} in {path}, fits {arm_name}")
