"""The result file: displacement, strain and quality of every estimated frame in one HDF5 file, format 1.

Datasets `axial_displacement_m`, `lateral_displacement_m`, `axial_strain` and `quality`, each (T, H, W) float32 on the
grid of the RF with NaN where there is no estimate, the standard deviations of the first three as `<name>_sigma` (files
of older programs have none; for displacement the unit stays last, `axial_displacement_sigma_m`), and
`deformed_frame` (T,), in increasing order. For other programs there are `lateral_strain`, `shear_strain` and, where it
is known, `lateral_strain_sigma`, which follow from the displacement. Root attributes:
`format`, `version`, `reference_frame`, `strain_window_m`, `lateral_window_m`, `strain_measure`, the geometry values,
each with its `<name>_source`, and the
provenance (`method`, `parameters` as JSON, `weights_sha256`, `program_version`, `input_sha256`, `recording_key`,
`recording_name`). Frames that were
compared with different references (sliding pairs) add `frame_reference` (T,). Motion that was added up over steps has
`steps`, `drift_m` and, where the steps were estimated in both directions, `inconsistency_m`, (T,) float64 each.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, get_args

import numpy as np

from engine.errors import ParameterError, ReadError, StrainscopeError, WriteError
from engine.export.base import WRITERS, Export, Writer
from engine.files.atomic import Place, temporary_beside
from engine.files.hdf5_reading import Group, dataset, is_hdf5, open_hdf5, plain
from engine.files.hdf5_writing import Hdf5Target
from engine.files.own_formats import RECORDING, RESULT
from engine.maps.components import components
from engine.readers.common.checks import DAMAGED, finite, geometry_values, sequence_shape
from engine.readers.common.hdf5_frames import require_stored
from engine.types import (
    LATERAL_WINDOW_M,
    NOISE_SHARE,
    Displacement,
    FrameEstimate,
    Geometry,
    GeometrySources,
    Map,
    Measure,
    Provenance,
    Result,
    Sector,
    Sigma,
    Source,
    Strain,
    geometry_fields,
)

VERSION = 1
MAPS = ("axial_displacement_m", "lateral_displacement_m", "axial_strain", "quality")
SIGMAS = {
    "axial_strain": "axial_strain_sigma",
    "axial_displacement_m": "axial_displacement_sigma_m",
    "lateral_displacement_m": "lateral_displacement_sigma_m",
}
"""Dataset of the standard deviation of each map of `Sigma`."""
REPORTED = ("steps", "drift_m", "inconsistency_m", NOISE_SHARE)
"""What is kept of a displacement's report."""


class ResultWriter:
    """Write the estimates of one recording as they come; the file appears when the `with` block ends cleanly.

    An error or a cancellation in the block, or a frame that is still missing at its end, leaves the target as it was.

    >>> with ResultWriter(path, sequence.shape, geometry, 0, (1, 2), provenance) as writer:  # doctest: +SKIP
    ...     for estimate in run(sequence, settings, device):
    ...         writer.append(estimate)
    """

    def __init__(
        self,
        path: Path,
        sequence_shape: tuple[int, int, int],
        geometry: Geometry,
        reference_frame: int,
        deformed_frames: Sequence[int],
        provenance: Provenance,
        *,
        with_components: bool = True,
    ) -> None:
        self._path = path
        self._method = provenance.method
        self._with_components = with_components
        self._frames = tuple(sorted(set(deformed_frames)))
        self._shape = (len(self._frames), *sequence_shape[1:])
        self._attributes = {
            "format": RESULT,
            "version": VERSION,
            "reference_frame": reference_frame,
            **geometry_attributes(geometry),
            **_provenance_attributes(provenance),
        }
        self._references = dict.fromkeys(self._frames, reference_frame)
        self._missing = set(self._frames)
        self._reports: dict[str, dict[int, float]] = {name: {} for name in REPORTED}
        self._place: Place | None = None
        self._target: Hdf5Target | None = None

    def __enter__(self) -> Self:
        if not self._frames:
            raise WriteError(f"cannot write {self._path}: there is no frame to write")
        self._place = temporary_beside(self._path)
        try:
            self._target = self._create(self._place.temporary)
        except BaseException:
            self._place.discard()
            raise
        return self

    def append(self, estimate: FrameEstimate) -> None:
        """Store one frame; the order does not matter, a frame that was not announced is a programming error."""
        if self._target is None:
            raise ValueError("append needs an open writer: use it in a `with` block")
        row = self._frames.index(estimate.deformed_frame)
        maps = (
            estimate.displacement.axial_m,
            estimate.displacement.lateral_m,
            estimate.strain.axial,
            estimate.quality,
        )
        try:
            for name, values in zip(MAPS, maps, strict=True):
                self._target.file[name][row] = values
            for name, values in self._more(estimate).items():
                if name not in self._target.file:
                    self._add_map(self._target, name)
                self._target.file[name][row] = values
            self._target.file.attrs["strain_window_m"] = estimate.strain.window_m
            self._target.file.attrs["lateral_window_m"] = estimate.strain.lateral_window_m
            self._target.file.attrs["strain_measure"] = estimate.strain.measure
            self._target.check()
        except (OSError, RuntimeError) as error:
            raise self._failure(error) from error
        self._references[estimate.deformed_frame] = estimate.reference_frame
        self._missing.discard(estimate.deformed_frame)
        for name in self._reports.keys() & estimate.displacement.report.keys():
            self._reports[name][estimate.deformed_frame] = estimate.displacement.report[name]

    def _more(self, estimate: FrameEstimate) -> dict[str, Map]:
        """Return the maps that not every file has."""
        sigmas = {} if estimate.sigma is None else {name: getattr(estimate.sigma, of) for of, name in SIGMAS.items()}
        return {**sigmas, **(components(estimate, self._method) if self._with_components else {})}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._place is None or self._target is None:
            return
        try:
            self._finish(complete=kind is None)
        except (OSError, RuntimeError) as failure:
            if kind is None:
                raise self._failure(failure) from failure
        finally:
            self._place.discard()

    def _finish(self, *, complete: bool) -> None:
        assert self._target is not None
        assert self._place is not None
        references = [self._references[frame] for frame in self._frames]
        if complete and set(references) != {self._attributes["reference_frame"]}:
            self._target.file.create_dataset("frame_reference", data=np.asarray(references, dtype=np.int64))
        for name, values in self._reports.items():
            if complete and values:
                numbers = [values.get(frame, np.nan) for frame in self._frames]
                self._target.file.create_dataset(name, data=np.asarray(numbers, dtype=np.float64))
        self._target.close(quiet=not complete)
        if complete and self._missing:
            raise WriteError(f"cannot write {self._path}: frame {min(self._missing)} was not estimated")
        if complete:
            self._place.keep()

    def _create(self, path: Path) -> Hdf5Target:
        try:
            target = Hdf5Target(path)
        except OSError as error:
            raise self._failure(error) from error
        try:
            file = target.file
            for name in MAPS:
                self._add_map(target, name)
            file.create_dataset("deformed_frame", data=np.asarray(self._frames, dtype=np.int64))
            for name, value in self._attributes.items():
                file.attrs[name] = value
            target.check()
        except BaseException as error:
            target.close(quiet=True)
            if isinstance(error, OSError | RuntimeError):
                raise self._failure(error) from error
            raise
        return target

    def _add_map(self, target: Hdf5Target, name: str) -> None:
        chunks = (1, *self._shape[1:])
        target.file.create_dataset(name, self._shape, np.float32, chunks=chunks, fillvalue=np.float32(np.nan))

    def _failure(self, error: Exception) -> WriteError:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        return WriteError(f"cannot write {self._path}: {reason}")


@WRITERS.entry
class ResultFormat(Writer):
    """Our own result file, which `strainscope` commands read."""

    name = "result"
    title = "Result"
    help = "Displacement, strain and quality of every frame in HDF5; `strainscope` commands read it"
    extensions: ClassVar = {".h5": "Strainscope result"}
    file_name = "result.h5"
    key = "Ctrl+Shift+R"

    def write(self, export: Export, path: Path) -> None:
        """Copy a result frame by frame."""
        result = export.needed_result()
        frames, source = result.deformed_frames, result.provenance
        with ResultWriter(path, result.shape, result.geometry, result.reference_frame, frames, source) as writer:
            for row in range(len(frames)):
                export.check()
                writer.append(result.read_frame(row))
                export.progress(row + 1, len(frames))


def geometry_attributes(geometry: Geometry) -> dict[str, float | str]:
    """Geometry values that exist, each with its `<name>_source`, and `sector_...` where the lines fan out."""
    found: dict[str, float | str] = {}
    for name in geometry_fields():
        value = getattr(geometry, name)
        if value is not None:
            found[name] = float(value)
            found[f"{name}_source"] = str(getattr(geometry.sources, name))
    if geometry.sector is not None:
        found.update({f"sector_{name}": float(value) for name, value in asdict(geometry.sector).items()})
    return found


def _provenance_attributes(provenance: Provenance) -> dict[str, str]:
    parameters = json.dumps(dict(provenance.parameters), sort_keys=True, allow_nan=False)
    texts = {entry.name: str(getattr(provenance, entry.name)) for entry in fields(Provenance)}
    return {**texts, "parameters": parameters}


def read_result(path: Path) -> Result:
    """Open a result file; its frames are read one by one when asked for.

    Everything is checked before a frame is read: format, version, shapes, types, sizes, and that no dataset leads to
    another file.

    Parameters
    ----------
    path
        HDF5 file of the format `strainscope-result`.

    Returns
    -------
    Result
        Geometry, frames, provenance, and `read_frame(row)` for motion in metres, strain and quality, each (H, W).

    Raises
    ------
    ReadError
        The file is no whole result; the message names what was found.

    >>> result = read_result(Path("arm.h5"))  # doctest: +SKIP
    >>> float(np.nanmedian(result.read_frame(0).strain.axial))  # doctest: +SKIP
    """
    with _reading(path) as file:
        _check_format(path, file)
        shape = _check_maps(path, file)
        frames = _frame_numbers(path, file, "deformed_frame", shape[0])
        reference = _whole(path, file, "reference_frame")
        sliding = "frame_reference" in tuple(file)
        references = _frame_numbers(path, file, "frame_reference", shape[0]) if sliding else (reference,) * shape[0]
        geometry = _read_geometry(path, file)
        window_m = finite(path, "strain_window_m", _attribute(path, file, "strain_window_m"))
        lateral_m = finite(path, "lateral_window_m", plain(file.attrs.get("lateral_window_m", LATERAL_WINDOW_M)))
        measure = plain(file.attrs.get("strain_measure", "infinitesimal"))
        if measure not in get_args(Measure):
            raise ReadError(path, f"strain_measure is {measure!r}, expected {' or '.join(get_args(Measure))}")
        provenance = _read_provenance(path, file)
        reports = _read_reports(path, file, shape[0])

    def read_frame(row: int) -> FrameEstimate:
        if not 0 <= row < shape[0]:
            raise ReadError(path, f"estimate {row} does not exist, there are {shape[0]}")
        with _reading(path) as again:
            if _check_maps(path, again) != shape:
                raise ReadError(path, "has changed since it was opened")
            axial, lateral, strain, quality = (dataset(path, again, name)[row] for name in MAPS)
            sigma = _read_sigma(path, again, row)
        displacement = Displacement(axial, lateral, geometry, reports[row])
        read = Strain(strain, geometry, window_m, lateral_window_m=lateral_m, measure=measure)
        return FrameEstimate(references[row], frames[row], displacement, read, quality, sigma)

    return Result(shape, geometry, reference, frames, provenance, read_frame, path)


@contextmanager
def _reading(path: Path) -> Iterator[Group]:
    """Open for reading; what HDF5 or a conversion raises on a damaged file becomes one ReadError."""
    try:
        if not path.is_file():
            raise ReadError(path, "is a folder, not a result file" if path.is_dir() else "there is no such file")
        with path.open("rb") as head:
            if not is_hdf5(head.read(2056)):
                raise ReadError(path, "is not a result file; make one of a recording with `strainscope estimate`")
        with open_hdf5(path) as file:
            yield file
    except StrainscopeError:
        raise
    except PermissionError:
        raise ReadError(path, "may not be read: permission denied") from None
    except DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ReadError(path, f"damaged result file ({reason[:120]})") from error


def _check_format(path: Path, file: Group) -> None:
    found = plain(file.attrs.get("format"))
    if found == RECORDING:
        raise ReadError(path, "holds RF, not a result; make a result of it with `strainscope estimate`")
    if found != RESULT:
        raise ReadError(path, f"is not a result file: its format is {found or 'not given'}, expected {RESULT}")
    version = _whole(path, file, "version")
    if version != VERSION:
        raise ReadError(path, f"has result version {version}; this program reads version {VERSION}")


def _check_maps(path: Path, file: Group) -> tuple[int, int, int]:
    first: tuple[int, ...] | None = None
    for name in (*MAPS, *(name for name in SIGMAS.values() if name in tuple(file))):
        found = dataset(path, file, name)
        if found.dtype != np.float32 or found.ndim != 3:
            raise ReadError(
                path, f"{name} is {found.dtype} of shape {found.shape}, expected float32 (frames, axial, lateral)"
            )
        if first is not None and found.shape != first:
            raise ReadError(path, f"{name} has shape {found.shape}, but {MAPS[0]} has {first}")
        require_stored(path, found, name)
        first = found.shape
    assert first is not None
    return sequence_shape(path, *first)


def _read_sigma(path: Path, file: Group, row: int) -> Sigma | None:
    """Read the standard deviations of a frame; None where the file has not all of them."""
    if not set(SIGMAS.values()) <= set(file):
        return None
    return Sigma(**{field: dataset(path, file, name)[row] for field, name in SIGMAS.items()})


def _read_reports(path: Path, file: Group, count: int) -> list[dict[str, float]]:
    """Read what each displacement reports of itself; what is NaN is not known."""
    reports: list[dict[str, float]] = [{} for _ in range(count)]
    for name in REPORTED:
        if name in tuple(file):
            found = dataset(path, file, name)
            if found.shape != (count,) or found.dtype.kind != "f":
                raise ReadError(path, f"{name} is {found.dtype} of shape {found.shape}, expected {count} numbers")
            for report, value in zip(reports, found[:].tolist(), strict=True):
                report |= {} if np.isnan(value) else {name: float(value)}
    return reports


def _frame_numbers(path: Path, file: Group, name: str, count: int) -> tuple[int, ...]:
    found = dataset(path, file, name)
    if found.shape != (count,) or found.dtype.kind not in "iu":
        raise ReadError(path, f"{name} is {found.dtype} of shape {found.shape}, expected {count} whole numbers")
    frames = tuple(int(frame) for frame in found[:])
    if min(frames) < 0 or (name == "deformed_frame" and len(set(frames)) != count):
        raise ReadError(path, f"{name} holds negative or repeated frame numbers")
    return frames


def _read_geometry(path: Path, file: Group) -> Geometry:
    names = [name for name in geometry_fields() if name in file.attrs or name != "frame_rate_hz"]
    values = geometry_values(path, {name: _attribute(path, file, name) for name in names})
    sources: dict[str, Source] = {}
    for name in names:
        source = plain(file.attrs.get(f"{name}_source", "assumed"))
        if source not in {"file", "user", "assumed"}:
            raise ReadError(path, f"{name}_source is {source!r}, expected file, user or assumed")
        sources[name] = source
    fanned = [entry.name for entry in fields(Sector) if f"sector_{entry.name}" in file.attrs]
    fan = {name: finite(path, f"sector_{name}", plain(file.attrs[f"sector_{name}"])) for name in fanned}
    try:
        sector = Sector(**fan) if fan else None
        return Geometry(
            values["sampling_hz"],
            values["center_hz"],
            values["sound_speed_m_s"],
            values["pitch_m"],
            values["start_depth_m"],
            values.get("frame_rate_hz"),
            GeometrySources(**sources),
            sector,
        )
    except (ParameterError, TypeError) as error:
        raise ReadError(path, str(error)) from None


def _read_provenance(path: Path, file: Group) -> Provenance:
    texts = {
        entry.name: plain(file.attrs.get(entry.name, "")) if entry.default == "" else _attribute(path, file, entry.name)
        for entry in fields(Provenance)
    }
    for name, text in texts.items():
        if not isinstance(text, str):
            raise ReadError(path, f"attribute {name} is {text!r}, expected text")
    try:
        parameters = json.loads(texts.pop("parameters"))
    except (ValueError, RecursionError):
        parameters = None
    if not isinstance(parameters, dict):
        raise ReadError(path, "attribute parameters is not a JSON object")
    return Provenance(parameters=parameters, **texts)


def _attribute(path: Path, file: Group, name: str) -> Any:
    if name not in file.attrs:
        raise ReadError(path, f"attribute {name} is missing")
    return plain(file.attrs[name])


def _whole(path: Path, file: Group, name: str) -> int:
    value = finite(path, name, _attribute(path, file, name))
    if value != int(value):
        raise ReadError(path, f"attribute {name} is {value}, expected a whole number")
    return int(value)
