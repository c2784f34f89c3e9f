"""What every reader is: a file in, a `Recording` out, whose geometry may still have holes that the user fills."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from engine.errors import MissingGeometryError, ParameterError, ReadError
from engine.readers.common.spectrum import measure_center_hz
from engine.readers.common.unfold import is_folded
from engine.registry import Registry
from engine.types import Geometry, GeometrySources, Map, RFSequence, Sector, Source, Truth, geometry_fields

ASSUMED = {"sound_speed_m_s": 1540.0, "start_depth_m": 0.0}
"""Values that may be assumed, and are marked so, when neither file nor user gives them."""

REQUIRED = ("sampling_hz", "center_hz", "pitch_m")
"""Values that are never assumed without asking."""

KINDS = {
    "rf": "RF as it is stored",
    "offset": "RF around a level, which is taken off",
    "iq-samples": "IQ, I and Q alternate along each line",
    "iq-lines": "IQ, a line of I is followed by a line of Q",
}
"""Kinds of data between which a user may choose where a file leaves it open or is wrong."""


@dataclass(frozen=True)
class ReadOptions:
    """Choices a user makes where a file leaves them open.

    `variable` names one of several arrays; `axes` gives the meaning of the stored axes, a permutation of the letters
    f(rame), a(xial), l(ateral), for example "laf", or two letters for a single frame. `kind`, one of `KINDS`, overrules
    what a label or the numbers say of the kind of data. `given` holds geometry that the user states, for readers that
    need it to make RF at all (the carrier of IQ, say); `sector` says how lines fan out, where the file does not;
    `layout` how numbers lie in a file without a header (see `engine.readers.headerless`).
    """

    variable: str | None = None
    axes: str | None = None
    kind: str | None = None
    given: Mapping[str, float] = field(default_factory=dict)
    sector: Sector | None = None
    layout: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise ParameterError(f"data kind {self.kind!r} is not one of {', '.join(KINDS)}")


@dataclass(frozen=True)
class Recording:
    """An opened file: lazily readable frames, what the file says of the geometry, and what it does not.

    `known` holds the geometry values that the file gives; `suggested` holds values worth proposing for the others
    (a centre frequency measured from the spectrum, say), which count as assumed. `variables` says between what the
    user may choose, `variable` and `axes` what was chosen; `axes_assumed` that nobody said so. `costly` marks frames
    that are computed (beamformed, say), so that nobody reads one without need. `sector` is set where lines fan out.
    `companions` are further files that hold samples, such as the .raw beside a .mhd. `stored_frame` gives the samples
    that a frame is computed from, where frames are computed.

    `found_at` names the place in the file of each known value. `says_no_rf` is the label, if any, by which the file
    calls its data something else than RF. `rate_factor` is how many samples of the RF stand for one of the file, whose
    rate is what a user gives. `pending` names the geometry without which no frame can be read: open the file again
    with it in `ReadOptions.given`. `time_s` is when a single frame was taken.
    """

    shape: tuple[int, int, int]
    known: Mapping[str, float]
    read_frame: Callable[[int], Map]
    paths: tuple[Path, ...]
    format: str
    suggested: Mapping[str, float] = field(default_factory=dict)
    truth: Truth | None = None
    variables: tuple[str, ...] = ()
    variable: str = ""
    axes: str = "fal"
    axes_assumed: bool = False
    costly: bool = False
    sector: Sector | None = None
    sector_source: Source = "file"
    notes: tuple[str, ...] = ()
    companions: tuple[Path, ...] = ()
    stored_frame: Callable[[int], NDArray[Any]] | None = None
    found_at: Mapping[str, str] = field(default_factory=dict)
    kind: str = "rf"
    says_no_rf: str = ""
    rate_factor: int = 1
    pending: tuple[str, ...] = ()
    time_s: float | None = None

    def __repr__(self) -> str:
        frames, rows, lines = self.shape
        name = self.paths[0].name if len(self.paths) == 1 else f"{len(self.paths)} files"
        lacking = self.lacking()
        asked = f", without {', '.join(lacking)}" if lacking else ""
        return f"<Recording {name}: {frames} frames, {rows} samples x {lines} lines, {self.format}{asked}>"

    def missing(self) -> tuple[str, ...]:
        """Geometry values that the file does not give, in the order in which to ask for them."""
        return tuple(name for name in geometry_fields() if name not in self.known)

    def suggestions(self, given: Mapping[str, float] | None = None) -> Mapping[str, float]:
        """Propose values for what is missing, knowing what the user gives; every one counts as assumed.

        With a sampling rate, the centre frequency is measured from the spectrum of frame 0, unless frames are costly.
        """
        stated = {**self.known, **self._of_rf(given or {})}
        values = {**self.suggested, **stated}
        if self.costly or self.pending or "center_hz" in stated or "sampling_hz" not in values:
            return self.suggested
        return {**self.suggested, "center_hz": measure_center_hz(self.read_frame(0), values["sampling_hz"])}

    def folded(self, given: Mapping[str, float]) -> tuple[float, float] | None:
        """Return sampling rate and carrier, by file and user, where frames have to be unfolded for them, or None.

        Frames become so when the file is opened with these values in `ReadOptions.given`.
        """
        stated = {**self.known, **given}
        if self.rate_factor != 1 or self.costly or not {"sampling_hz", "center_hz"} <= set(stated):
            return None
        sampling, center = stated["sampling_hz"], stated["center_hz"]
        return (sampling, center) if is_folded(sampling, center) else None

    def complete(self, given: Mapping[str, float] | None = None, *, accept_suggested: bool = False) -> RFSequence:
        """Fill the geometry: the user's values win, then the file's, then what may be assumed.

        A value in `REQUIRED` that nobody gives is a MissingGeometryError, unless `accept_suggested` allows the
        suggestion for it.
        """
        values = self._values(given, accept_suggested=accept_suggested)
        given = given or {}
        absent = self.lacking(given, accept_suggested=accept_suggested)
        if absent:
            raise MissingGeometryError(self.paths[0].name if self.paths else "recording", absent)
        sources: dict[str, Source] = {
            name: "user" if name in given else "file" if name in self.known else "assumed" for name in geometry_fields()
        }
        if self.sector is not None and "pitch_m" not in self.known:
            sources["pitch_m"] = self.sector_source
        geometry = Geometry(**values, sources=GeometrySources(**sources), sector=self.sector)
        return RFSequence(
            self.shape,
            geometry,
            self.read_frame,
            self.paths,
            self.format,
            truth=self.truth,
            notes=self.notes,
            companions=self.companions,
            stored_frame=self.stored_frame,
        )

    def lacking(self, given: Mapping[str, float] | None = None, *, accept_suggested: bool = False) -> tuple[str, ...]:
        """Names of values without which `complete` would refuse."""
        if self.pending:
            return self.pending
        values = self._values(given, accept_suggested=accept_suggested)
        return tuple(name for name in REQUIRED if name not in values)

    def _values(self, given: Mapping[str, float] | None, *, accept_suggested: bool) -> dict[str, float]:
        """Geometry as far as it goes; the spacing of fanned lines follows from their angles, at half the depth."""
        suggested = {} if self.pending or not accept_suggested else self.suggestions(given)
        values: dict[str, float] = {**ASSUMED, **suggested, **self.known, **self._of_rf(given or {})}
        if self.sector is not None and "pitch_m" not in values and "sampling_hz" in values:
            middle = values["start_depth_m"] + self.shape[1] * values["sound_speed_m_s"] / values["sampling_hz"] / 4
            values["pitch_m"] = self.sector.angle_step_rad * (self.sector.apex_radius_m + middle)
        return values

    def _of_rf(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return the user's values with the rate of the file turned into that of the RF."""
        values = dict(given)
        if "sampling_hz" in values:
            values["sampling_hz"] *= self.rate_factor
        return values


class Reader(ABC):
    """One file format: recognised by content, validated before anything large is read."""

    name: ClassVar[str]
    title: ClassVar[str]
    extensions: ClassVar[tuple[str, ...]]

    @abstractmethod
    def sniff(self, path: Path, head: bytes) -> bool:
        """Say from the first 4096 bytes (and, if need be, a cheap look into the file) whether this format is it."""

    def main_file(self, path: Path) -> Path:
        """Return the file that stands for all files of one recording; most formats have one file."""
        return path

    @abstractmethod
    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Open the file; anything impossible in it is one ReadError that names the field and what was found."""


def choose_variable(path: Path, fitting: tuple[str, ...], present: tuple[str, ...], wanted: str | None) -> str:
    """Return the array to read: the user's choice, else the first that fits."""
    if not fitting:
        raise ReadError(path, f"holds no array that could be RF; found: {', '.join(present[:12]) or 'nothing'}")
    if wanted is None:
        return fitting[0]
    if wanted not in fitting:
        raise ParameterError(f"{path.name}: no array {wanted!r} that could be RF; there are: {', '.join(fitting)}")
    return wanted


READERS: Registry[Reader] = Registry(
    "format",
    "engine.readers",
    (
        "own_hdf5",
        "uff",
        "picmus",
        "zea",
        "urx",
        "verasonics",
        "must",
        "matlab",
        "metaimage",
        "nrrd",
        "numpy_file",
        "nifti",
        "clarius",
        "siemens_rfd",
        "vevo",
        "not_rf",
        "sonix_daq",
        "ultrasonix",
    ),
    base=Reader,
    plugins="strainscope.readers",
)
