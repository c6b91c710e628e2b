"""Whether an arm's data file allows more than the URDF of who drives it."""

import xml.etree.ElementTree as ElementTree

from introspect_description.errors import DescriptionError
from introspect_description.limits import JointLimits

_ROUNDING = 1e-3  # by which both files may differ for having been rounded [rad, rad/s]


def exceeded_limits(limits: JointLimits, urdf: str) -> str:
    """Say where limits go beyond those of a URDF; empty if they do not.

    Joints that turn without end have none there. Accelerations and jerks are in no URDF.

    Args:
        limits: that commands will keep.
        urdf: text of the driver's ``robot_description``.

    Raises:
        DescriptionError: that text is no URDF, or one of another arm; the message has both lists.
    """
    try:
        joints = {joint.get("name", ""): joint for joint in ElementTree.fromstring(urdf)}
    except ElementTree.ParseError as error:
        raise DescriptionError(f"robot_description is not XML: {error}") from error
    movable = [
        name
        for name, joint in joints.items()
        if joint.tag == "joint" and joint.get("type") in ("revolute", "continuous", "prismatic")
    ]
    missing = [name for name in limits.names if name not in movable]
    if missing:
        raise DescriptionError(
            f"robot_description has no joint {', '.join(missing)}; it has "
            f"{', '.join(movable) or 'none'}, the arm's data file {', '.join(limits.names)}"
        )
    problems = []
    for j, name in enumerate(limits.names):
        limit = joints[name].find("limit")
        if limit is None:
            continue
        checks = [("velocity", limits.velocity[j], limit.get("velocity"), 1.0)]
        if joints[name].get("type") != "continuous":
            checks.append(("upper", limits.upper[j], limit.get("upper"), 1.0))
            checks.append(("lower", limits.lower[j], limit.get("lower"), -1.0))
        for what, ours, text, sign in checks:
            if text is not None and sign * (ours - float(text)) > _ROUNDING:
                problems.append(f"{what} of {name}: {ours:g} here, {float(text):g} there")
    return "; ".join(problems)
