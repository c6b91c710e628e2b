"""Finds tags in a picture, and says where each is and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from introspect_control.perception.alignment import Alignment, NotAligned, PatternAligner
from introspect_control.perception.camera import CameraModel
from introspect_control.perception.errors import PerceptionError
from introspect_control.perception.families import TagFamily
from introspect_control.perception.opencv import load_opencv
from introspect_control.perception.pose import Pose
from introspect_control.perception.tag_pose import Corners, PoseFit, fit_tag, likely
from introspect_control.perception.tagged_object import tag_corners

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]

# Of what the search takes for a tag; now and then it is the white margin's outer edge.
_SIZES = (1.0, 0.9)
_FAR_APART = 5  # wrong bits that a family can correct, where its tags differ enough


class Region(NamedTuple):
    """Part of a picture, from its upper left to its lower right corner [px]."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class DetectorConfig:
    """What counts as a tag."""

    enlargement: int = 2  # of the picture before the search: small tags are found, for more time
    min_side: float = 8.0  # shortest edge of a tag [px]
    min_correlation: float = 0.88  # of the tag's pattern and the picture
    min_contrast: float = 20.0  # from black to white [grey levels]
    max_error: float = 1.0  # of the corners, seen and projected [px]
    max_distance: float = 3.0  # from the camera [m]
    corner_floor: float = 0.05  # standard deviation of a corner that no picture is better than [px]
    blur: float = 0.7  # of the pictures, as a standard deviation [px]
    clear: float = 12.0  # by which χ² of the other pose must be larger, for one to be sure

    def __post_init__(self) -> None:
        """Refuse what finds nothing, or everything."""
        if not 1 <= self.enlargement <= 4:
            raise PerceptionError(f"enlargement must be 1 to 4, got {self.enlargement}")
        if not 0.0 <= self.min_correlation < 1.0:
            raise PerceptionError(f"min_correlation must be in [0, 1), got {self.min_correlation}")
        positive = ("min_side", "max_error", "max_distance", "corner_floor", "blur", "clear")
        for name in positive:
            if not getattr(self, name) > 0.0:
                raise PerceptionError(f"{name} must be positive, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class TagSighting:
    """One tag in one picture."""

    id: int
    corners: Corners  # in the tag's own frame, and where they are seen
    fits: tuple[PoseFit, ...]  # one or two poses that explain it, the likelier one first
    correlation: float  # of the tag's pattern and the picture
    contrast: float  # from black to white [grey levels]
    ambiguous: bool  # whether the second pose is nearly as likely

    @property
    def pose(self) -> Pose:
        """The likelier pose of the tag in the camera's optical frame."""
        return self.fits[0].pose

    @property
    def error(self) -> float:
        """Root mean square of the distances of corners, seen and projected [px]."""
        return self.fits[0].error


class _Refused(Exception):
    """Something is not taken for a tag; the text is the reason, as it is counted."""


class TagDetector:
    """Looks for known tags: OpenCV finds and reads them, their patterns are laid over the picture.

    What chance or another family draws is refused where the pattern does not fit.

    Args:
        family: of the tags.
        sizes: edges of the black squares by id [m]; other tags are left alone.
        camera: that the pictures come from.
        config: what counts as a tag.

    Attributes:
        refused: how many were refused, by the reason.

    Raises:
        PerceptionError: The family has no such tag, or a size is none.
    """

    def __init__(
        self,
        family: TagFamily,
        sizes: Mapping[int, float],
        camera: CameraModel,
        config: DetectorConfig | None = None,
    ) -> None:
        for tag, size in sizes.items():
            family.check(tag)
            if not size > 0.0:
                raise PerceptionError(f"size of tag {tag} must be positive, got {size} m")
        self.config = config or DetectorConfig()
        self.camera, self.sizes = camera, dict(sizes)
        self.refused: Counter[str] = Counter()
        self._family = family
        self._aligners: dict[int, PatternAligner] = {}
        aruco = load_opencv().aruco
        self._parameters = search = aruco.DetectorParameters()
        search.perspectiveRemovePixelPerCell = 8  # small tags are read with more care
        if family.dictionary.maxCorrectionBits >= _FAR_APART:
            # As many wrong bits as can be told: the pattern is compared afterwards.
            search.errorCorrectionRate = 1.0
        search.cornerRefinementMethod = aruco.CORNER_REFINE_NONE
        self._search = aruco.ArucoDetector(family.dictionary, search)

    def detect(
        self, picture: Picture, regions: Sequence[Region] | None = None
    ) -> list[TagSighting]:
        """All known tags of a picture, one an id, by id.

        Args:
            picture: (height, width) grey.
            regions: where to look; None: everywhere.

        Raises:
            PerceptionError: A picture of another size than the camera's, or not grey.
        """
        size = (self.camera.height, self.camera.width)
        if picture.dtype != np.uint8 or picture.shape != size:
            raise PerceptionError(
                f"pictures must be {size[1]} × {size[0]} px of 8-bit grey as the camera says, got "
                f"{' × '.join(map(str, picture.shape[1::-1]))} of {picture.dtype}"
            )
        found: dict[int, TagSighting] = {}
        everywhere = Region(0, 0, self.camera.width, self.camera.height)
        parts = [everywhere] if regions is None else regions
        candidates = [found for part in parts for found in self._candidates(picture, part)]
        for tag, corners in candidates:
            try:
                sighting = self._look_closely(picture, tag, corners)
            except _Refused as refusal:
                self.refused[str(refusal)] += 1
                continue
            before = found.get(tag)
            if before is None or sighting.correlation > before.correlation:
                found[tag] = sighting
        return [found[tag] for tag in sorted(found)]

    def _candidates(self, picture: Picture, part: Region) -> list[tuple[int, Array]]:
        """Ids and rough corners (4, 2) [px] of what may be known tags."""
        cv2, times = load_opencv(), self.config.enlargement
        view = picture[part.top : part.bottom, part.left : part.right]
        if not view.size:
            return []
        if times > 1:
            size = (times * view.shape[1], times * view.shape[0])
            view = cv2.resize(view, size, interpolation=cv2.INTER_CUBIC)
        # Told as a share of the view's longer edge: in a small view, noise would count as tags.
        shortest = 4.0 * _SIZES[-1] * self.config.min_side * times
        self._parameters.minMarkerPerimeterRate = min(0.9, shortest / max(view.shape))
        self._search.setDetectorParameters(self._parameters)
        quads, ids, _ = self._search.detectMarkers(np.ascontiguousarray(view))
        if ids is None:
            return []
        # The middle of a pixel of the enlarged picture, in pixels of the picture.
        corner = np.array([part.left, part.top])
        return [
            (int(tag), (np.reshape(quad, (4, 2)).astype(np.float64) + 0.5) / times - 0.5 + corner)
            for tag, quad in zip(np.ravel(ids), quads, strict=True)
            if int(tag) in self.sizes
        ]

    def _look_closely(self, picture: Picture, tag: int, corners: Array) -> TagSighting:
        config = self.config
        edges = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
        if edges.min() < config.min_side:
            raise _Refused("too small")
        aligned = self._align(picture, tag, corners)
        if aligned.wrong_modules or aligned.correlation < config.min_correlation:
            raise _Refused("pattern differs")
        if aligned.contrast < config.min_contrast:
            raise _Refused("too little contrast")
        measured = self._measured(tag, aligned)
        fits = fit_tag(measured, self.sizes[tag], self.camera)
        if not fits or fits[0].error > config.max_error:
            raise _Refused("not a square")
        if np.linalg.norm(fits[0].pose.translation) > config.max_distance:
            raise _Refused("too far away")
        return TagSighting(
            id=tag,
            corners=measured,
            fits=tuple(fits),
            correlation=aligned.correlation,
            contrast=aligned.contrast,
            ambiguous=len(likely(fits, config.clear)) > 1,
        )

    def _align(self, picture: Picture, tag: int, corners: Array) -> Alignment:
        aligner, middle = self._aligner(tag), corners.mean(axis=0)
        for size in _SIZES:
            quad = self.camera.undistort(middle + size * (corners - middle))
            with suppress(NotAligned):
                return aligner.align(picture, quad)
        raise _Refused("pattern not found")

    def _measured(self, tag: int, aligned: Alignment) -> Corners:
        covariance = aligned.covariance + self.config.corner_floor**2 * np.eye(8)
        return Corners(
            places=tag_corners(self.sizes[tag]),
            pixels=aligned.corners,
            whitening=np.linalg.inv(np.linalg.cholesky(covariance)),
        )

    def _aligner(self, tag: int) -> PatternAligner:
        if tag not in self._aligners:
            pattern = self._family.pattern(tag)
            self._aligners[tag] = PatternAligner(pattern, self.camera, self.config.blur)
        return self._aligners[tag]
