"""Where objects are, from the square tags on them; and where the camera is that sees them."""

from introspect_control.perception.calibration_samples import CalibrationSamples, solve
from introspect_control.perception.camera import CameraModel
from introspect_control.perception.camera_file import read_camera
from introspect_control.perception.camera_pose import CameraPose
from introspect_control.perception.detector import DetectorConfig, TagDetector, TagSighting
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.families import FAMILIES, TagFamily
from introspect_control.perception.hand_eye import (
    HandEyeConfig,
    HandEyeResult,
    HandEyeSample,
    calibrate_eye_in_hand,
    calibrate_eye_to_hand,
)
from introspect_control.perception.object_file import ObjectSet, read_objects
from introspect_control.perception.pose import Pose
from introspect_control.perception.pose_filter import FilterConfig, PoseFilter
from introspect_control.perception.tagged_object import TaggedObject, TagPlace
from introspect_control.perception.tracker import ObjectTracker, Seen

__all__ = [
    "FAMILIES",
    "CalibrationSamples",
    "CameraModel",
    "CameraPose",
    "DetectorConfig",
    "FilterConfig",
    "HandEyeConfig",
    "HandEyeResult",
    "HandEyeSample",
    "ObjectSet",
    "ObjectTracker",
    "PerceptionError",
    "Pose",
    "PoseFilter",
    "Seen",
    "TagDetector",
    "TagFamily",
    "TagPlace",
    "TagSighting",
    "TaggedObject",
    "calibrate_eye_in_hand",
    "calibrate_eye_to_hand",
    "read_camera",
    "read_objects",
    "solve",
]
