"""The values that flow through the chain: axes, units and signs are stated here once and checked once.

Axes are `(frame, axial, lateral)`; a single map is `(axial, lateral)` = `(H, W)`. Everything is SI.
A displacement `d` maps a reference point to its place in the deformed frame, `deformed(x + d(x)) ~ reference(x)`;
positive axial is away from the probe. Axial strain is `d(axial displacement)/d(depth)`, so compression is negative.
A pixel without a valid estimate is NaN.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError, ReadError, StrainscopeError

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
Source = Literal["file", "user", "assumed"]
Measure = Literal["infinitesimal", "green-lagrange"]
"""How strain follows from the displacement's gradient; Green-Lagrange strain is exact however much is turned."""

LATERAL_WINDOW_M = 4e-3
"""Length across the lines over which lateral and shear strain are taken, where nothing else is said."""


PLAUSIBLE = {
    "sampling_hz": (1e5, 1e11),
    "center_hz": (1e4, 5e10),
    "sound_speed_m_s": (100.0, 20_000.0),
    "pitch_m": (1e-6, 1e-2),
    "start_depth_m": (-1.0, 1.0),
    "frame_rate_hz": (1e-3, 1e6),
}
"""Ranges of geometry far wider than any ultrasound: what lies outside was given in MHz, mm or another wrong unit."""

FARTHEST_M, SMALLEST_M = 1e3, 1e-9
"""No region lies or reaches farther, or is smaller: squares of such numbers leave the range of a float."""

RIM = 1e-9
"""What a squared radius of 1 may be exceeded by: many times what rounding adds, and far less than can be drawn."""


@dataclass(frozen=True)
class GeometrySources:
    """Where each geometry value comes from; nothing assumed is ever shown as if it had been measured."""

    sampling_hz: Source = "assumed"
    center_hz: Source = "assumed"
    sound_speed_m_s: Source = "assumed"
    pitch_m: Source = "assumed"
    start_depth_m: Source = "assumed"
    frame_rate_hz: Source = "assumed"


@dataclass(frozen=True)
class Sector:
    """Lines that fan out, of convex and phased arrays: line j of W at `middle_rad + (j - (W-1)/2) * angle_step_rad`.

    Depth counts along the line from `apex_radius_m` (the array's radius of curvature; 0 for a phased array) from the
    apex in which all lines meet; angle 0 points straight away from the probe, positive angles to positive lateral.
    """

    apex_radius_m: float
    angle_step_rad: float
    middle_rad: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.apex_radius_m) and self.apex_radius_m >= 0):
            raise ParameterError(f"apex_radius_m must be zero or positive, found {self.apex_radius_m}")
        if not 0 < self.angle_step_rad < math.pi / 2:
            raise ParameterError(f"angle_step_rad must lie between 0 and pi / 2, found {self.angle_step_rad}")
        if not abs(self.middle_rad) < math.pi / 2:
            raise ParameterError(f"middle_rad must lie between -pi / 2 and pi / 2, found {self.middle_rad}")


@dataclass(frozen=True)
class Geometry:
    """Sampling of a beamformed RF recording, of a linear array unless `sector` says how its lines fan out.

    Depth of row i is `start_depth_m + i * sound_speed_m_s / (2 * sampling_hz)`; lateral position of line j of W is
    `(j - (W - 1) / 2) * pitch_m`. Of fanned lines `pitch_m` is the spacing at half the depth, and lateral positions
    are those of beam space; `engine.preprocess.scan_conversion` shows where the lines truly lie.
    """

    sampling_hz: float
    center_hz: float
    sound_speed_m_s: float
    pitch_m: float
    start_depth_m: float = 0.0
    frame_rate_hz: float | None = None
    sources: GeometrySources = field(default_factory=GeometrySources)
    sector: Sector | None = None

    def __post_init__(self) -> None:
        for name in ("sampling_hz", "center_hz", "sound_speed_m_s", "pitch_m"):
            _require_positive(name, getattr(self, name))
        if self.frame_rate_hz is not None:
            _require_positive("frame_rate_hz", self.frame_rate_hz)
        if not math.isfinite(self.start_depth_m):
            raise ParameterError(f"start_depth_m must be finite, found {self.start_depth_m}")
        for name, (low, high) in PLAUSIBLE.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ParameterError(f"{name} = {value:g} cannot be: is it in another unit than {_unit(name)}?")
        if self.center_hz >= self.sampling_hz / 2:
            raise ParameterError(
                f"center_hz {self.center_hz:g} is not below half of sampling_hz {self.sampling_hz:g}: not sampled RF"
            )

    @property
    def axial_spacing_m(self) -> float:
        """Depth from one sample to the next: c / (2 fs)."""
        return self.sound_speed_m_s / (2 * self.sampling_hz)

    @property
    def wavelength_m(self) -> float:
        """Wavelength at the centre frequency."""
        return self.sound_speed_m_s / self.center_hz

    def depths_m(self, rows: int) -> NDArray[np.float64]:
        """Depth of each row's centre, shape (rows,)."""
        return np.asarray(self.start_depth_m + np.arange(rows) * self.axial_spacing_m, dtype=np.float64)

    def laterals_m(self, lines: int) -> NDArray[np.float64]:
        """Lateral position of each line's centre, shape (lines,); 0 is the middle of the image."""
        return np.asarray((np.arange(lines) - (lines - 1) / 2) * self.pitch_m, dtype=np.float64)

    def line_spacings_m(self, rows: int) -> NDArray[np.float64]:
        """Distance from one line to the next at the depth of each row, (rows,)."""
        if self.sector is None:
            return np.full(rows, self.pitch_m)
        return np.asarray((self.sector.apex_radius_m + self.depths_m(rows)) * self.sector.angle_step_rad)

    def window_samples(self, window_m: float, *, smallest: int = 5) -> int:
        """Odd number of samples nearest to a window in metres, at least `smallest`."""
        return _odd(window_m / self.axial_spacing_m, smallest)

    def window_lines(self, window_m: float, *, smallest: int = 5) -> int:
        """Odd number of lines nearest to a window in metres, at least `smallest`."""
        return _odd(window_m / self.pitch_m, smallest)


@dataclass(frozen=True)
class FrameTruth:
    """Exact motion of a simulated frame on the grid of frame 0; each map is (H, W)."""

    axial_displacement_m: Map
    lateral_displacement_m: Map
    axial_strain: Map


@dataclass(frozen=True)
class Truth:
    """Ground truth of a simulated recording, with frame 0 as the reference.

    `read_frame(k)` gives the motion from frame 0 to frame k, k >= 1; `inclusion_mask` is (H, W) integer labels with
    0 the background; `youngs_modulus_pa` is (H, W).
    """

    read_frame: Callable[[int], FrameTruth]
    inclusion_mask: NDArray[np.int32]
    youngs_modulus_pa: Map


@dataclass(frozen=True)
class RFSequence:
    """A recording of beamformed RF frames, read lazily; `shape` is (T, H, W).

    `companions` are files that hold samples of it but were not opened themselves, such as the .raw beside a .mhd.
    `stored_frame` gives the samples that a frame is computed from, such as channel data; None where RF is stored.
    `result` was opened with it; without `has_rf` the result is all there is, and no frame can be read.
    """

    shape: tuple[int, int, int]
    geometry: Geometry
    read_frame: Callable[[int], Map]
    paths: tuple[Path, ...] = ()
    format: str = "memory"
    truth: Truth | None = None
    notes: tuple[str, ...] = ()
    companions: tuple[Path, ...] = ()
    stored_frame: Callable[[int], NDArray[Any]] | None = None
    result: "Result | None" = None
    has_rf: bool = True

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ReadError(self.name, f"expected (frames, axial, lateral), found shape {self.shape}")

    @classmethod
    def from_array(cls, rf: NDArray[np.floating | np.integer], geometry: Geometry) -> Self:
        """Wrap an array (T, H, W) that is already in memory."""
        return cls(tuple(rf.shape), geometry, lambda index: rf[index].astype(np.float32))

    @property
    def name(self) -> str:
        """Short name of the recording for titles and messages."""
        if not self.paths:
            return "recording"
        return self.paths[0].name if len(self.paths) == 1 else f"{self.paths[0].parent.name} ({len(self.paths)} files)"

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that holds samples of it."""
        return (*self.paths, *self.companions)

    def __repr__(self) -> str:
        center = f"{self.geometry.center_hz / 1e6:.3g} MHz"
        return f"<RFSequence {self.name}: {self.shape[0]} frames, {_size_in_words(self.shape)}, {center}>"

    def frame(self, index: int) -> Map:
        """Read one frame, (H, W) float32; an index out of range or a frame with NaN or infinity is an error."""
        if not 0 <= index < self.shape[0]:
            raise StrainscopeError(f"{self.name}: frame {index} does not exist, there are {self.shape[0]}")
        frame = np.ascontiguousarray(self.read_frame(index), dtype=np.float32)
        if frame.shape != self.shape[1:]:
            raise ReadError(self.name, f"frame {index} has shape {frame.shape}, expected {self.shape[1:]}")
        bad = frame.size - int(np.isfinite(frame).sum())
        if bad:
            raise ReadError(self.name, f"frame {index} holds {bad} values that are not finite numbers")
        return frame


NOISE_SHARE = "noise_share"
"""Fact of a displacement that was found together with other frames': its noise over what it would have alone."""


@dataclass(frozen=True)
class Displacement:
    """Axial and lateral displacement in metres on the grid of the reference, each (H, W) float32; NaN is no estimate.

    `report` holds small facts of the estimation, for example {"stages": 2}.
    """

    axial_m: Map
    lateral_m: Map
    geometry: Geometry
    report: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Displacement: axial and lateral in m, {_size_in_words(self.axial_m.shape)}>"

    def __post_init__(self) -> None:
        _require_same_shape("Displacement", self.axial_m, self.lateral_m)

    @classmethod
    def from_samples(
        cls, axial_samples: Map, lateral_lines: Map, geometry: Geometry, report: Mapping[str, float] | None = None
    ) -> Self:
        """Make from axial samples and lateral lines, the units of the estimators."""
        return cls(
            np.asarray(axial_samples * geometry.axial_spacing_m, dtype=np.float32),
            np.asarray(lateral_lines * geometry.pitch_m, dtype=np.float32),
            geometry,
            report or {},
        )

    @property
    def axial_samples(self) -> Map:
        """Axial displacement in RF samples."""
        return self.axial_m / np.float32(self.geometry.axial_spacing_m)

    @property
    def lateral_lines(self) -> Map:
        """Lateral displacement in lines."""
        return self.lateral_m / np.float32(self.geometry.pitch_m)


@dataclass(frozen=True)
class FramePair:
    """Reference and deformed frame (H, W), divided by one common scalar so that |RF| is about 1 at most.

    `initial` is the motion from which an estimator starts (bulk motion, or the field of another estimator).
    """

    reference: Map
    deformed: Map
    geometry: Geometry
    initial: Displacement | None = None

    def __post_init__(self) -> None:
        _require_same_shape("FramePair", self.reference, self.deformed)


@dataclass(frozen=True)
class Strain:
    """Axial strain (H, W) float32, dimensionless, negative in compression; `window_m` is the strain filter's length.

    `sigma` is the standard deviation of each pixel, where it is known. The other components follow from the
    displacement (`engine.strain.tensor`), over `lateral_window_m` across the lines; `measure` says what strain is.
    """

    axial: Map
    geometry: Geometry
    window_m: float
    sigma: Map | None = None
    lateral_window_m: float = LATERAL_WINDOW_M
    measure: Measure = "infinitesimal"

    def __repr__(self) -> str:
        return f"<Strain: axial, negative in compression, {_size_in_words(self.axial.shape)}>"


@dataclass(frozen=True)
class Sigma:
    """Standard deviations of an estimate, each (H, W) float32 in the unit of its map; NaN where the map is NaN."""

    axial_strain: Map
    axial_displacement_m: Map
    lateral_displacement_m: Map

    def __post_init__(self) -> None:
        _require_same_shape("Sigma", self.axial_strain, self.axial_displacement_m, self.lateral_displacement_m)


@dataclass(frozen=True)
class FrameEstimate:
    """All that was estimated of one frame against its reference; `quality` (H, W) is the local correlation in 0..1.

    `sigma` is None where the uncertainty is not known, as in results of older programs. One that is `provisional` is of
    the pair alone, and one of the whole recording follows.
    """

    reference_frame: int
    deformed_frame: int
    displacement: Displacement
    strain: Strain
    quality: Map
    sigma: Sigma | None = None
    provisional: bool = False

    def __repr__(self) -> str:
        frames = f"frame {self.deformed_frame} against {self.reference_frame}"
        return f"<FrameEstimate: {frames}, {_size_in_words(self.quality.shape)}>"

    def __post_init__(self) -> None:
        _require_same_shape("FrameEstimate", self.displacement.axial_m, self.strain.axial, self.quality)
        if self.sigma is not None:
            _require_same_shape("FrameEstimate", self.quality, self.sigma.axial_strain)
            # Numbers are made from a strain alone, and it brings its uncertainty along.
            object.__setattr__(self, "strain", replace(self.strain, sigma=self.sigma.axial_strain))


@dataclass(frozen=True)
class Ellipse:
    """A region in image space: centre, semi-axes in metres, and angle in degrees.

    The angle turns the lateral semi-axis towards greater depth (clockwise on screen, depth downwards). The rim belongs
    to the region: a pixel whose centre lies on it, to within rounding, is inside, however the ellipse is turned.
    """

    lateral_m: float
    depth_m: float
    semi_lateral_m: float
    semi_axial_m: float
    angle_deg: float = 0.0

    def __post_init__(self) -> None:
        _require_positive("semi_lateral_m", self.semi_lateral_m)
        _require_positive("semi_axial_m", self.semi_axial_m)
        for name in ("lateral_m", "depth_m", "angle_deg"):
            if not math.isfinite(getattr(self, name)):
                raise ParameterError(f"{name} must be finite, found {getattr(self, name)}")
        for name in ("lateral_m", "depth_m", "semi_lateral_m", "semi_axial_m"):
            if abs(getattr(self, name)) > FARTHEST_M:
                raise ParameterError(f"{name} = {getattr(self, name):g} is farther than {FARTHEST_M:g} m")
        if min(self.semi_lateral_m, self.semi_axial_m) < SMALLEST_M:
            raise ParameterError(f"the semi-axes must be at least {SMALLEST_M:g} m")

    @classmethod
    def mm(cls, lateral: float, depth: float, semi_lateral: float, semi_axial: float, angle_deg: float = 0.0) -> Self:
        """Make from millimetres, in the order of the command line.

        >>> Ellipse.mm(-4, 14, 3, 2.5)
        Ellipse(lateral_m=-0.004, depth_m=0.014, semi_lateral_m=0.003, semi_axial_m=0.0025, angle_deg=0.0)
        """
        return cls(lateral / 1e3, depth / 1e3, semi_lateral / 1e3, semi_axial / 1e3, angle_deg)

    @property
    def area_m2(self) -> float:
        """Area of the whole ellipse."""
        return math.pi * self.semi_lateral_m * self.semi_axial_m

    @property
    def reach_m(self) -> tuple[float, float]:
        """Half width and half height of the upright box around the ellipse."""
        cosine, sine = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        return (
            math.hypot(self.semi_lateral_m * cosine, self.semi_axial_m * sine),
            math.hypot(self.semi_lateral_m * sine, self.semi_axial_m * cosine),
        )

    def contains(self, lateral_m: NDArray[np.float64], depth_m: NDArray[np.float64]) -> Mask:
        """Say of each point whether it lies inside or on the rim; the two arrays broadcast."""
        x, z = lateral_m - self.lateral_m, depth_m - self.depth_m
        cosine, sine = math.cos(math.radians(self.angle_deg)), math.sin(math.radians(self.angle_deg))
        # Scaled before the sum: that keeps half the work on rows and columns instead of on the image.
        along = x * (cosine / self.semi_lateral_m) + z * (sine / self.semi_lateral_m)
        across = z * (cosine / self.semi_axial_m) - x * (sine / self.semi_axial_m)
        inside: Mask = along * along + across * across <= 1.0 + RIM
        return inside

    def mask(self, shape: tuple[int, int], geometry: Geometry) -> Mask:
        """Pixels of an image (H, W) whose centres lie inside or on the rim, (H, W) bool."""
        return self.contains(geometry.laterals_m(shape[1])[None, :], geometry.depths_m(shape[0])[:, None])


@dataclass(frozen=True)
class Provenance:
    """How a result came to be: enough to make it again.

    `recording_key` tells the recording by its RF, wherever its files lie now, and `recording_name` is what they were
    called; both are empty in results of programs that did not know them.
    """

    method: str
    parameters: Mapping[str, object]
    weights_sha256: str
    program_version: str
    input_sha256: str
    recording_key: str = ""
    recording_name: str = ""


@dataclass(frozen=True)
class Result:
    """A whole estimated recording, read lazily; `read_frame(k)` gives the k-th estimated frame."""

    shape: tuple[int, int, int]
    geometry: Geometry
    reference_frame: int
    deformed_frames: tuple[int, ...]
    provenance: Provenance
    read_frame: Callable[[int], FrameEstimate]
    path: Path | None = None

    def estimated(self, frame: int | None = None) -> int:
        """Return a deformed frame that was estimated, the last for None; another is a ParameterError."""
        if frame is None:
            return self.deformed_frames[-1]
        if frame not in self.deformed_frames:
            known = ", ".join(map(str, self.deformed_frames[:12])) + (" ..." if self.shape[0] > 12 else "")
            raise ParameterError(f"frame {frame} was not estimated; the result holds {known}")
        return frame

    def frame(self, number: int) -> FrameEstimate:
        """Read the estimate of a deformed frame by its number in the recording."""
        return self.read_frame(self.deformed_frames.index(self.estimated(number)))

    def __repr__(self) -> str:
        title = self.provenance.parameters.get("title") or self.provenance.method
        frames = _frames_in_words(self.deformed_frames)
        return f"<Result of {title}: {frames} against {self.reference_frame}, {_size_in_words(self.shape)}>"


def geometry_fields() -> tuple[str, ...]:
    """Names of the geometry values, in the order in which they are shown and asked for."""
    return tuple(entry.name for entry in fields(GeometrySources))


def _size_in_words(shape: tuple[int, ...]) -> str:
    return f"{shape[-2]} samples x {shape[-1]} lines"


def _frames_in_words(frames: tuple[int, ...]) -> str:
    if len(frames) == 1:
        return f"frame {frames[0]}"
    whole = frames == tuple(range(frames[0], frames[-1] + 1))
    return f"frames {frames[0]} to {frames[-1]}" if whole else f"{len(frames)} frames"


def _odd(length: float, smallest: int) -> int:
    return max(2 * round((length - 1) / 2) + 1, smallest)


def _unit(name: str) -> str:
    """Return the unit in which a geometry value is stated, which is the end of its name."""
    return next(unit for end, unit in (("_m_s", "m/s"), ("_hz", "Hz"), ("_m", "m")) if name.endswith(end))


def _require_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ParameterError(f"{name} must be a positive number, found {value}")


def _require_same_shape(owner: str, *maps: Map) -> None:
    shapes = {entry.shape for entry in maps}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"{owner}: maps must share one (axial, lateral) shape, found {sorted(map(str, shapes))}")
