"""OpenCV, which finds the tags in a picture: loaded when it is needed, and not before."""

from __future__ import annotations

from types import ModuleType

from introspect_control.perception.errors import PerceptionError

EXTRA = "pip install 'introspect_control[perception]' (or: make setup-hardware)"
_OLDEST = (4, 7)  # with cv2.aruco.ArucoDetector


def load_opencv() -> ModuleType:
    """The module ``cv2``.

    Raises:
        PerceptionError: It is not installed, or too old.
    """
    try:
        import cv2
    except ImportError as error:
        raise PerceptionError(
            f"tags are found with OpenCV, which cannot be imported ({error}); run: {EXTRA}"
        ) from error
    version = str(cv2.__version__)
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST:
        raise PerceptionError(
            f"tags are found with OpenCV 4.7 or newer, this is {version}; run: {EXTRA}"
        )
    cv2.setNumThreads(1)  # one core for vision: the control path has the others
    return cv2
