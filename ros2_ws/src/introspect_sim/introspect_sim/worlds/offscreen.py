"""Which off-screen GL MuJoCo draws with: the first one that works on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from introspect_sim.worlds.world import WorldError

CANDIDATES = ("egl", "osmesa")  # graphics driver first, software second
_TRIAL = """\
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco/>")
renderer = mujoco.Renderer(model, 8, 8)
renderer.update_scene(mujoco.MjData(model))
renderer.render()
"""


def choose_offscreen_gl(attempt: Callable[[str], str] | None = None) -> None:
    """Set ``MUJOCO_GL``, unless it is set, to what can draw here without a screen.

    MuJoCo reads the variable once, when it is imported, and a failed import spoils later ones: call
    this before, and each candidate is tried in a process of its own.

    Args:
        attempt: draws with a candidate and returns what went wrong; empty if nothing did.

    Raises:
        WorldError: None of them works.
    """
    if os.environ.get("MUJOCO_GL"):
        return
    problems = []
    for name in CANDIDATES:
        problem = (attempt or _attempt)(name)
        if not problem:
            os.environ["MUJOCO_GL"] = name
            return
        problems.append(f"{name}: {problem}")
    raise WorldError(
        f"the camera needs off-screen GL, and none works here ({'; '.join(problems)}); "
        "install one with: apt-get install libegl1 libosmesa6"
    )


def _attempt(name: str) -> str:
    try:
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL],
            env=os.environ | {"MUJOCO_GL": name},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30.0,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it hangs"
    if trial.returncode == 0:
        return ""
    lines = trial.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with code {trial.returncode}"
