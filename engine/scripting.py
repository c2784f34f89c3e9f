"""What a script or a notebook says in a line each: run, measure, draw, save. `strainscope` offers these by name.

>>> result = run(example(), "ncc", frames=4)
>>> result
<Result of NCC, multi-level: frame 4 against 0, 1200 samples x 128 lines>
>>> rows = measure(result, target=Ellipse.mm(-4, 14, 3.1, 2.5, 12), background=Ellipse.mm(6, 14, 2.6, 2.5))
>>> 2 < rows[0]["strain_ratio"] < 2.6
True
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from operator import index
from pathlib import Path
from typing import Any

from engine.device import choose_device
from engine.errors import ParameterError
from engine.estimators.base import ESTIMATORS
from engine.estimators.default import default_method
from engine.export.base import Export, writer_for
from engine.export.result_file import ResultWriter
from engine.export.result_file import read_result as read_result_file
from engine.export.table import MetricTable, measure_result
from engine.figures.compose import Choices, compose, reader_of
from engine.figures.content import FigureContent, Marks
from engine.figures.options import FigureOptions, Shown
from engine.figures.other_maps import needed_reader
from engine.figures.save import save_figure
from engine.files.atomic import check_target
from engine.pipeline import Preparation, Progress, Settings, wanted_frames
from engine.pipeline import run as run_chain
from engine.provenance import make_provenance, unchanged_input
from engine.quantity import AXIAL_STRAIN
from engine.readers import Recording, open_recording
from engine.strain.base import STRAIN_METHODS, read_in
from engine.types import Ellipse, FrameEstimate, Result, RFSequence

Files = str | Path | Sequence[str | Path]
Source = Files | Recording | RFSequence
"""A recording: its file or files, as opened, or with its geometry complete."""


def example() -> Path:
    """Return the bundled recording, a simulated one with a stiff lesion at -4 mm and a depth of 14 mm."""
    import resources

    return Path(resources.__path__[0]) / "examples" / "demo.h5"


def settings_of(
    method: str | None = None,
    parameters: Mapping[str, object] | None = None,
    *,
    reference: int = 0,
    prepare: Mapping[str, object] | None = None,
    strain_method: str = "least-squares",
    strain: Mapping[str, object] | None = None,
) -> Settings:
    """Make settings from names and values, or texts of values; a method that is None is the best one.

    An unknown method is a MethodError; an unknown parameter or one out of its range a ParameterError that names it as
    `key`, `prepare.key` or `strain.key`.
    """
    name = method or default_method()
    estimator = ESTIMATORS.get(name)
    read_out = read_in(STRAIN_METHODS.get(strain_method).Params, estimator.strain_window_m)
    return Settings(
        method=name,
        parameters=estimator.Params.from_text(parameters or {}),
        reference=reference,
        preparation=Preparation.from_text(prepare or {}, "prepare."),
        strain_method=strain_method,
        strain_parameters=read_out.from_text({**read_out.as_dict(), **(strain or {})}, "strain."),
    ).resolved()


def run(
    recording: Source,
    method: str | None = None,
    *,
    reference: int = 0,
    frames: int | Iterable[int] | None = None,
    geometry: Mapping[str, float] | None = None,
    prepare: Mapping[str, object] | None = None,
    strain_method: str = "least-squares",
    strain: Mapping[str, object] | None = None,
    device: str = "auto",
    output: str | Path | None = None,
    progress: Progress = lambda done, total: None,
    **parameters: object,
) -> Result:
    """Estimate displacement, strain, quality and uncertainty of a recording.

    Parameters
    ----------
    recording
        A file, several files of one frame each, what `open_recording` gave, or an `RFSequence`.
    method
        Name of the estimator, see `strainscope methods`; None for the best one.
    reference, frames
        Frame with which others are compared, and which of these; None for all of them. Frames count from 0.
    geometry
        What the file does not say, for example `{"sampling_hz": 40e6, "center_hz": 6e6, "pitch_m": 0.3e-3}`.
    prepare, strain_method, strain
        Preparation of the RF, strain filter and its parameters.
    device
        `auto`, `cpu` or `cuda`.
    output
        Write a result file as it goes, and read from it: for recordings whose maps do not fit into memory.
    progress
        Called with the number of frames done and wanted.
    **parameters
        Parameters of the method, in SI units, for example `window_m=3e-3`.

    Returns
    -------
    Result
        `result.frame(4).strain.axial` is the map of frame 4, (H, W): no unit, negative in compression, NaN no estimate.

    Raises
    ------
    StrainscopeError
        One line that says what is wrong with the file, the geometry or the parameters.

    >>> result = run("recording.h5", "ncc", frames=(3, 4), window_m=3e-3)  # doctest: +SKIP
    """
    wish = settings_of(
        method, parameters, reference=reference, prepare=prepare, strain_method=strain_method, strain=strain
    )
    if frames is not None:
        wish = replace(wish, frames=_numbers(frames))
    place = None if output is None else Path(output)
    return run_settings(sequence_of(recording, geometry), wish, device=device, output=place, progress=progress)


def run_settings(
    sequence: RFSequence,
    settings: Settings,
    *,
    device: str = "auto",
    output: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> Result:
    """Do what `run` does under whole settings: into memory, or into a result file."""
    wanted = tuple(sorted(wanted_frames(sequence, settings)))
    if output is not None:
        check_target(output, sequence.files)
    chosen, provenance = choose_device(device), make_provenance(sequence, settings)
    kept: dict[int, FrameEstimate] = {}
    with ExitStack() as stack:
        writer = None
        if output is not None:
            places = (output, sequence.shape, sequence.geometry, settings.reference, wanted, provenance)
            writer = stack.enter_context(ResultWriter(*places))
        stack.enter_context(unchanged_input(sequence))
        for estimate in run_chain(sequence, settings, chosen, progress):
            if writer is None:
                kept[estimate.deformed_frame] = estimate
            else:
                writer.append(estimate)
    if output is not None:
        return read_result_file(output)
    shape = (len(wanted), *sequence.shape[1:])
    return Result(shape, sequence.geometry, settings.reference, wanted, provenance, lambda row: kept[wanted[row]])


def read_result(path: str | Path) -> Result:
    """Open a result file; what is wrong with it is one ReadError."""
    return read_result_file(Path(path))


def measure(
    result: Result | str | Path,
    target: Ellipse | None = None,
    background: Ellipse | None = None,
    *,
    frames: int | Iterable[int] | None = None,
    lesion: Ellipse | None = None,
    average: int = 1,
    quality: float = 0.0,
    ddof: int = 0,
    map: str = AXIAL_STRAIN,  # noqa: A002 - the word of the command line
    follow: bool = False,
) -> MetricTable:
    """Measure every frame, or some, under two ellipses: a list with a dictionary for each frame.

    Parameters
    ----------
    result
        What `run` gave, or a result file.
    target, background
        Regions; without one its numbers are NaN. `Ellipse.mm(...)` makes them in millimetres.
    frames
        Deformed frames; None for all.
    lesion
        Outline of the lesion on the B-mode, for the E/B size ratio.
    average
        Over how many frames strain is averaged, 1 to 10.
    quality
        Local correlation from which on pixels count, 0 to 1.
    ddof
        Of standard deviations: 0 for the population's, 1 for the sample's.
    map
        Another map, such as `lateral-strain`, whose mean and deviation are measured too.
    follow
        Whether regions follow the tissue of the frame on which they are drawn.

    Returns
    -------
    MetricTable
        A list of dictionaries, whose keys are the columns of the CSV: strain in percent, compression positive, NaN
        with its reason under `missing`. `pandas.DataFrame(rows)` makes a data frame of it, `save(rows, path)` a CSV.

    >>> measure("result.h5", target=Ellipse.mm(-4, 14, 3, 2.5))[0]["mean_target_percent"]  # doctest: +SKIP
    """
    opened = _opened(result)
    _check_regions(target=target, background=background, lesion=lesion)
    chosen = opened.deformed_frames if frames is None else _numbers(frames)
    return measure_result(
        opened,
        target,
        background,
        frames=[opened.estimated(frame) for frame in chosen],
        lesion=lesion,
        average=average,
        quality=quality,
        ddof=ddof,
        drawn=map,
        follow=follow,
    )


def figure(
    result: Result | str | Path,
    frame: int | None = None,
    *,
    recording: Source | None = None,
    target: Ellipse | None = None,
    background: Ellipse | None = None,
    lesion: Ellipse | None = None,
    map: str = AXIAL_STRAIN,  # noqa: A002 - the word of the command line
    limits: tuple[float, float] | None = None,
    **options: Any,
) -> FigureContent:
    """Draw a frame for a paper: B-mode, with the `recording`, and a map, with regions, colour bar and numbers.

    Parameters
    ----------
    result, frame
        What `run` gave or a result file, and which deformed frame of it; None for the last.
    recording
        The recording of the result, for the B-mode and the truth.
    target, background, lesion
        Regions to outline and measure.
    map
        Any map of `strainscope figure --map`, such as `lateral-strain`.
    limits
        Ends of the colour bar, as shown (strain in percent); None for those that fit.
    **options
        Any option of `strainscope figure` by its field, for example `colormap="magma"`, `width="column"`, `dpi=600`.

    Returns
    -------
    FigureContent
        Shown by a notebook as it is; `save(figure, "figure.pdf")` writes it as PNG, PDF, SVG or TIFF.

    >>> figure("result.h5", 4, recording="recording.h5", colormap="magma", width="column")  # doctest: +SKIP
    """
    opened = _opened(result)
    _check_regions(target=target, background=background, lesion=lesion)
    chosen = opened.estimated(frame)
    shown, page = _split(options)
    return figure_of(opened, chosen, Choices(shown, map, Marks(target, background, lesion), page, limits), recording)


def figure_of(result: Result, frame: int, choices: Choices, recording: Source | None = None) -> FigureContent:
    """Do what `figure` does under whole choices."""
    if recording is None and choices.shown.overlay:
        raise ParameterError("overlay: the map is laid over the B-mode, which needs the recording")
    source = None if recording is None else _recording(recording)
    read_rf = None if source is None else reader_of(source, result)
    return compose(result, frame, choices, read_rf=read_rf, read_map=needed_reader(result, choices, source))


def save(what: Result | MetricTable | FigureContent | RFSequence | Recording, path: str | Path) -> Path:
    """Write a figure, a table or a result in the format that the file's name says; an RFSequence as our own HDF5.

    Parameters
    ----------
    what
        What `figure`, `measure`, `run` or `open_recording` gave.
    path
        Figures are png, pdf, svg or tif; tables csv; results h5, mat, npz and the other formats of
        `strainscope export`; recordings h5.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    WriteError
        It cannot be written; a file that was there stays.
    ParameterError
        It is none of these, or its ending names no format for it.

    >>> save(figure("result.h5", 4), "figure.pdf")  # doctest: +SKIP
    """
    path = Path(path)
    if isinstance(what, FigureContent):
        save_figure(what, path)
    elif isinstance(what, MetricTable):
        what.write(path)
    elif isinstance(what, Result):
        writer_for(path.suffix).save(Export(what), path)
    elif isinstance(what, RFSequence | Recording):
        _save_recording(sequence_of(what), path)
    else:
        raise ParameterError(f"save takes a result, a table, a figure or a recording, found {type(what).__name__}")
    return path


def sequence_of(recording: Source, geometry: Mapping[str, float] | None = None) -> RFSequence:
    """Open what is not open yet, and complete its geometry."""
    opened = _recording(recording)
    if isinstance(opened, RFSequence):
        if geometry:
            raise ParameterError("geometry: this recording's geometry is complete already")
        return opened
    return opened.complete(geometry)


def _recording(recording: Source) -> Recording | RFSequence:
    return recording if isinstance(recording, Recording | RFSequence) else open_recording(recording)


def _save_recording(sequence: RFSequence, path: Path) -> None:
    from engine.simulation.write import write_recording

    if path.suffix.lower() not in {".h5", ".hdf5"}:
        raise ParameterError(f"a recording is written as .h5, found {path.name}")
    check_target(path, sequence.files)
    write_recording(path, sequence)


def _opened(result: Result | str | Path) -> Result:
    if isinstance(result, Result):
        return result
    if isinstance(result, str | Path):
        return read_result(result)
    raise ParameterError(f"expected a result or its file, found {type(result).__name__}: estimate it with `run` first")


def _numbers(frames: int | Iterable[int]) -> tuple[int, ...]:
    """Return frames as numbers of Python's own; what is no whole number, a text among them, is a ParameterError."""
    try:
        return (index(frames),)  # type: ignore[arg-type]
    except TypeError:
        pass
    try:
        return tuple(map(index, frames))  # type: ignore[arg-type]
    except TypeError:
        raise ParameterError(f"frames: expected a number or several, found {frames!r}") from None


def _check_regions(**regions: object) -> None:
    for name, region in regions.items():
        if region is not None and not isinstance(region, Ellipse):
            raise ParameterError(f"{name}: expected an Ellipse, found {region!r}")


def _split(options: Mapping[str, Any]) -> tuple[Shown, FigureOptions]:
    """Share options out to how maps are shown and what the page is like."""
    of_maps, of_page = ({entry.name for entry in fields(kind)} for kind in (Shown, FigureOptions))
    unknown = sorted(set(options) - of_maps - of_page)
    if unknown:
        known = ", ".join(sorted(of_maps | of_page))
        raise ParameterError(f"no option is called {', '.join(unknown)}; there are {known}")
    return (
        Shown(**{name: value for name, value in options.items() if name in of_maps}),
        FigureOptions(**{name: value for name, value in options.items() if name in of_page}),
    )
