"""``introspect calibrate``: where the camera is, for an arm on a real table."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from introspect.cli.parser import verb_parser
from introspect.errors import IntrospectError, UsageError

if TYPE_CHECKING:
    from introspect_control.perception import CalibrationSamples, CameraPose, HandEyeResult

MOUNTS = ("fixed", "tool")  # of perception.camera_pose, which takes long to import
_SAMPLES = Path("calibration.json")
_POSE = Path("camera_pose.yaml")
_SHEET = Path("tags.svg")


def run(words: list[str]) -> int:
    """Run the verb with the words that follow it."""
    options = _options(words)
    if options.print_tags:
        return _print_tags(options)
    if options.record:
        return _record(options)
    if options.samples is None:
        raise UsageError(
            "what is to be done? --print-tags, --record, or --samples FILE. "
            "See: introspect calibrate --help"
        )
    _check_new(options.out or _POSE)
    return solve_file(options.samples, options.out or _POSE, options.seed, options.json)


def _options(words: list[str]) -> Namespace:
    parser = verb_parser(
        "calibrate",
        "Find where the camera is: print a tag, let the gripper hold it (or, with a camera on the "
        "tool,\nlay it down), record 15 to 25 poses of the arm, and solve for the camera's pose.",
        "introspect calibrate --print-tags 0 --tag-size 0.06 --out tag.svg\n"
        "  introspect calibrate --record --arm fr3 --tag 0 --tag-size 0.06\n"
        "  introspect calibrate --samples calibration.json --out camera_pose.yaml --json",
    )
    parser.add_argument(
        "--print-tags", nargs="+", type=int, default=[], metavar="ID", help="write tags to print"
    )
    parser.add_argument("--record", action="store_true", help="take samples, then solve")
    parser.add_argument(
        "--samples",
        type=Path,
        metavar="FILE",
        help=f"of samples, to be solved; with --record, to be written or gone on with ({_SAMPLES})",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"to write ({_POSE}; of tags: {_SHEET})"
    )
    parser.add_argument("--arm", default="panda", help="arm, by the name of its data file")
    parser.add_argument("--namespace", default="", help="namespace of the running system")
    parser.add_argument(
        "--mount",
        choices=MOUNTS,
        default="fixed",
        help="where the camera is: still, or on the tool",
    )
    parser.add_argument("--tag", type=int, default=0, metavar="ID", help="tag that is looked at")
    parser.add_argument(
        "--tag-size", type=float, default=0.06, help="edge of its black square, measured [m]"
    )
    parser.add_argument("--family", default="apriltag_36h11", help="family of tags")
    parser.add_argument("--image-topic", default="camera/image_raw", help="of the camera")
    parser.add_argument("--info-topic", default="camera/camera_info", help="of its intrinsics")
    parser.add_argument("--camera-file", default="", help="camera_info YAML instead of a topic")
    parser.add_argument("--rectified", action="store_true", help="pictures are rectified already")
    parser.add_argument("--seed", type=int, default=0, help="of first guesses")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(words)
    if options.seed < 0:
        raise UsageError(f"--seed must be 0 or more, got {options.seed}")
    return options


def _print_tags(options: Namespace) -> int:
    from introspect_control.atomic import write_text
    from introspect_control.perception import PerceptionError, TagFamily
    from introspect_control.perception.tag_sheet import tag_sheet

    out = options.out or _SHEET
    _check_new(out)
    try:
        text = tag_sheet(TagFamily(options.family), options.print_tags, options.tag_size)
    except PerceptionError as error:
        raise UsageError(str(error)) from error
    write_text(out.expanduser(), text)
    print(f"{out}: print it without scaling, then measure its ruler and the black squares")
    return 0


def _record(options: Namespace) -> int:
    from introspect.runner.domain import domain_id
    from introspect.runner.preflight import check_arm
    from introspect.security.switch import take_keys
    from introspect.specification import absolute_namespace
    from introspect_control.perception import PerceptionError, TagFamily

    domain_id(os.environ)
    check_arm(options.arm)
    take_keys("calibration_terminal", os.environ)
    try:
        TagFamily(options.family).check(options.tag)
    except PerceptionError as error:
        raise UsageError(str(error)) from error
    out = options.out or _POSE
    _check_new(out)
    program = [sys.executable, "-m", "introspect.nodes.calibration_terminal"]
    program += [f"--out={out}", f"--seed={options.seed}", *(["--json"] if options.json else [])]
    program += ["--ros-args", "--log-level", "warn"]
    program += ["-r", f"__ns:={absolute_namespace(options.namespace)}"]
    for name, value in (
        ("samples", str((options.samples or _SAMPLES).expanduser().absolute())),
        ("arm", options.arm),
        ("mount", options.mount),
        ("tag", options.tag),
        ("tag_size", options.tag_size),
        ("tag_family", options.family),
        ("image_topic", options.image_topic),
        ("info_topic", options.info_topic),
        ("camera_file", options.camera_file),
        ("rectified", options.rectified),
    ):
        program += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]
    sys.stdout.flush()
    os.execv(sys.executable, program)  # only nodes talk ROS: become one


def solve_file(samples: Path, out: Path, seed: int, as_json: bool) -> int:
    """Find where the camera is from a file of samples, write it, and say how sure that is.

    Args:
        samples: file that a recording has written.
        out: file to write the camera's pose to.
        seed: of first guesses.
        as_json: whether to end with one line of JSON.

    Returns:
        The exit code.

    Raises:
        UsageError: The file is not one of samples.
        IntrospectError: The samples say too little, or do not agree.
    """
    import numpy as np

    from introspect_control.perception import CalibrationSamples, PerceptionError, solve
    from introspect_description import ArmDescription, DescriptionError

    started = time.monotonic()
    try:
        recorded = CalibrationSamples.read(samples.expanduser())
        arm = ArmDescription.load(recorded.arm)
    except (PerceptionError, DescriptionError) as error:
        raise UsageError(str(error)) from error
    try:
        pose, result = solve(recorded, arm, np.random.default_rng(seed))
    except PerceptionError as error:
        raise IntrospectError(f"{samples}: {error}") from error
    pose.write(out.expanduser())
    for line in _told(recorded, pose, result):
        print(line, file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(_row(pose, result, seed, time.monotonic() - started)))
    else:
        print(f"written to {out}: object_pose_node takes it as camera_pose")
    return 0


def _told(recorded: CalibrationSamples, pose: CameraPose, result: HandEyeResult) -> list[str]:
    import numpy as np

    x, y, z = pose.T_parent_camera.translation
    used, count = len(result.used), len(result.errors)
    lines = [
        f"camera at ({x:.4f}, {y:.4f}, {z:.4f}) m in {pose.parent_frame}",
        f"error {result.error:.2f} px over {used} of {count} samples",
        f"uncertainty: {1e3 * result.position_std:.1f} mm and "
        f"{np.degrees(result.rotation_std):.2f}° of the camera; "
        f"{1e3 * result.std_at_tag:.1f} mm where the tag was (one standard deviation)",
    ]
    if result.rejected:
        left = ", ".join(f"{i + 1} ({result.errors[i]:.1f} px)" for i in result.rejected)
        lines.append(f"left out, since they do not agree with the others: {left}")
    if result.size_is_wrong:
        lines.append(
            f"warning: a tag of {1e3 * recorded.size * result.size_ratio:.2f} mm would fit better "
            f"than one of {1e3 * recorded.size:g} mm: measure its black square, "
            "and record anew with its true --tag-size"
        )
    return lines


def _row(pose: CameraPose, result: HandEyeResult, seed: int, seconds: float) -> dict[str, Any]:
    return {
        "what": "calibrate",
        "metric": "std_at_tag_m",
        "value": result.std_at_tag,
        "ci95": None,
        "n": len(result.used),
        "seed": seed,
        "seconds": round(seconds, 2),
        "pose": pose.T_parent_camera.vector().tolist(),
        "errors_px": [round(float(error), 4) for error in result.errors],
        "left_out": list(result.rejected),
        **pose.quality,
    }


def _check_new(out: Path) -> None:
    """Refuse to write over what is there, or where nobody may write."""
    path = out.expanduser().absolute()
    if path.exists():
        raise UsageError(f"--out {out} exists already; name a file that does not")
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK)):
        raise UsageError(f"--out {out}: {path.parent} cannot be written to; name another folder")
