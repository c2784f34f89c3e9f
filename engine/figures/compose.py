"""Compose figures of a result: the one place where window and command line decide what a figure shows and says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.accumulation import drift_words
from engine.as_shown import noted, result_title
from engine.errors import ParameterError
from engine.figures.content import (
    BmodePanel,
    ColorScale,
    FigureContent,
    Marks,
    StrainPanel,
    suggest_limits,
)
from engine.figures.options import FigureOptions, Shown
from engine.figures.shown import series_remarks, shown_remarks
from engine.figures.words import map_words
from engine.following import DeformedShape, Tissue, TissuePoints, carried
from engine.frames import frame_title, frame_words
from engine.maps.base import MAPS, StrainMap
from engine.maps.reading import ReadMap, map_reader
from engine.maps.rigid import without_rigid
from engine.metrics.base import Measurement
from engine.metrics.contrast import strain_metrics
from engine.metrics.map_values import map_metrics
from engine.metrics.relative import relative_strain
from engine.preprocess.bmode import bmode_db, gained, reference_level
from engine.quantity import AXIAL_STRAIN, Quantity, strain_quantity
from engine.readers.base import Recording
from engine.reliability.frame import judge_result
from engine.strain.persistence import FrameStrain, averaged_frames
from engine.strain.quality_mask import measured, visible
from engine.types import Map, Result, RFSequence

ReadRF = Callable[[int], Map]
"""Gives the RF of a frame (H, W) by its number, for the B-mode."""
Limits = tuple[float, float]

MOST_ON_A_SHEET = 40


@dataclass(frozen=True)
class Choices:
    """All that is chosen of a figure: which map of `MAPS`, how; `limits` of what is shown, None for those that fit."""

    shown: Shown = field(default_factory=Shown)
    map: str = AXIAL_STRAIN
    marks: Marks = field(default_factory=Marks)
    options: FigureOptions = field(default_factory=FigureOptions)
    limits: Limits | None = None

    def __post_init__(self) -> None:
        if self.map != AXIAL_STRAIN and MAPS.get(self.map):  # the others are of the frame alone, as it was estimated
            object.__setattr__(self, "shown", replace(self.shown, relative=False, persistence=1))

    @property
    def entry(self) -> StrainMap:
        """The map that is drawn."""
        return MAPS.get(self.map)

    @property
    def quantity(self) -> Quantity:
        """What is shown of it."""
        if self.map != AXIAL_STRAIN:
            return self.entry.quantity
        return strain_quantity(self.shown.quantity, relative=self.shown.relative)

    @property
    def overlay(self) -> float:
        """Return the opacity of the map over the B-mode, 0 where it lies beside it alone."""
        return self.shown.overlay_opacity if self.shown.overlay else 0.0

    @property
    def colormap(self) -> str:
        """Return the colour map's name with its direction: that for print, or the one that is shown."""
        shown = self.entry.colormap or self.shown.colormap
        return self.options.print_colormap or shown + ("_r" if self.shown.reverse else "")


def compose(
    result: Result,
    frame: int,
    choices: Choices | None = None,
    *,
    read_rf: ReadRF | None = None,
    read_map: ReadMap | None = None,
) -> FigureContent:
    """Compose the figure of one frame: B-mode and the chosen map.

    Parameters
    ----------
    result, frame
        What was estimated, and the number of one of its deformed frames.
    choices
        Map, limits, regions, and how they are shown; None is the compressive strain as it is.
    read_rf
        Gives the RF (H, W) of a frame by its number, as `reader_of` makes it; None leaves out the B-mode.
    read_map
        Gives a map (H, W) that does not follow from the result alone, such as the error or the relative modulus.

    Returns
    -------
    FigureContent
        Panels, limits, numbers and words, which `save_figure` draws.

    Raises
    ------
    ParameterError
        The frame was not estimated, or the map needs what was not given.

    >>> save_figure(compose(result, 9, read_rf=sequence.frame), Path("figure.pdf"))  # doctest: +SKIP
    """
    choices = choices or Choices()
    found = averaged_frames(result, choices.shown.persistence)(frame)
    values = _values_of(result, choices, read_map)(found)
    places = Places.of(result, choices)
    panel = _panel(result, found, values, places)
    return FigureContent(
        (panel,),
        result.geometry,
        _bmode(result, places, read_rf)(found),
        _scale(choices, values),
        _marks(choices),
        choices.options,
        (
            *_remarks(found, places),
            *rigid_remarks(result, frame, choices),
            *drift_remarks(result, frame),
            *judge_result(result, [frame]).words,
        ),
        overlay=choices.overlay,
    )


def compose_comparison(
    first: Result,
    frame: int,
    second: Result,
    other_frame: int,
    choices: Choices | None = None,
    read_maps: tuple[ReadMap | None, ReadMap | None] = (None, None),
) -> FigureContent:
    """Compose two maps of one recording side by side with their difference: two methods, or two frames.

    Parameters
    ----------
    first, frame, second, other_frame
        Both results, which may be the same, and the deformed frame of each.
    choices
        As for `compose`; both maps share their limits.
    read_maps
        What reads the map of each, where it does not follow from the result alone.

    Returns
    -------
    FigureContent
        Two panels; drawing adds the first minus the second.

    Raises
    ------
    ParameterError
        The results are of different recordings, or a frame was not estimated.
    """
    choices = choices or Choices()
    if (first.shape[1:], first.provenance.input_sha256) != (second.shape[1:], second.provenance.input_sha256):
        raise ParameterError("the two results are of different recordings")
    count = choices.shown.persistence
    sides = [averaged_frames(result, count)(at) for result, at in ((first, frame), (second, other_frame))]
    places = [Places.of(result, choices) for result in (first, second)]
    told = [
        f"{letter}: {' '.join(words)}"
        for letter, words in zip("AB", map(_remarks, sides, places), strict=True)
        if words
    ]
    maps = [
        _values_of(result, choices, read_map)(side)
        for result, read_map, side in zip((first, second), read_maps, sides, strict=True)
    ]
    return FigureContent(
        tuple(map(_panel, (first, second), sides, maps, places)),
        first.geometry,
        scale=_scale(choices, *maps),
        marks=_marks(choices),
        options=choices.options,
        remarks=tuple(told),
        difference=True,
    )


def compose_frames(
    result: Result,
    choices: Choices | None = None,
    *,
    read_rf: ReadRF | None = None,
    read_map: ReadMap | None = None,
    frames: Sequence[int] | None = None,
) -> Iterator[FigureContent]:
    """Compose a figure of each frame, for a movie: under the same limits, and with as many lines of words.

    Parameters
    ----------
    result, choices, read_rf, read_map
        As for `compose`.
    frames
        Numbers of deformed frames; None takes all.

    Yields
    ------
    FigureContent
        One a frame, composed when it is asked for.
    """
    choices = choices or Choices()
    frames = result.deformed_frames if frames is None else frames
    values_of = _values_of(result, choices, read_map)
    choices = replace(choices, limits=_limits_of_all(result, choices, values_of, frames))
    choices = replace(choices, options=replace(choices.options, caption=False))
    places = Places.of(result, choices)
    read, bmode = averaged_frames(result, choices.shown.persistence), _bmode(result, places, read_rf)
    for found in map(read, frames):
        yield FigureContent(
            (_panel(result, found, values_of(found), places, series=True),),
            result.geometry,
            bmode(found),
            _scale(choices),
            _marks(choices),
            choices.options,
            _remarks(found, places, always=True),
            notes=False,
            overlay=choices.overlay,
        )


def compose_sheet(
    result: Result, choices: Choices | None = None, *, most: int = MOST_ON_A_SHEET, read_map: ReadMap | None = None
) -> FigureContent:
    """Compose a contact sheet, evenly spread over the frames: maps alone, under the same limits.

    Parameters
    ----------
    result, choices, read_map
        As for `compose`.
    most
        Frames on the sheet at most.

    Returns
    -------
    FigureContent
        A panel a frame, which `save_sheet` draws.
    """
    from engine.figures.draw_sheet import evenly

    choices = choices or Choices()
    frames = evenly(result.deformed_frames, most)
    read = averaged_frames(result, choices.shown.persistence)
    places = Places.of(result, replace(choices, options=replace(choices.options, numbers=False)))
    values_of = _values_of(result, choices, read_map)
    words = map_words(result, None, choices.entry)
    panels = [
        replace(
            _panel(result, found, values_of(found), places, series=True), title=frame_words(found.frame), caption=words
        )
        for found in map(read, frames)
    ]
    return FigureContent(
        tuple(panels),
        result.geometry,
        scale=_scale(replace(choices, limits=_limits_of_all(result, choices, values_of, frames))),
        marks=replace(_marks(choices), profile=None),
        options=choices.options,
        remarks=(
            *series_remarks(
                relative=choices.shown.relative,
                averaged_frames=choices.shown.persistence,
                quality=choices.shown.quality_threshold,
                masked=choices.shown.mask_numbers,
            ),
            *places.remarks(),
        ),
        notes=False,
    )


def _panel(result: Result, found: FrameStrain, values: Map, places: "Places", *, series: bool = False) -> StrainPanel:
    """Describe a map; one of a `series` tells where the whole series comes from."""
    choices = places.choices
    shown = choices.shown
    return StrainPanel(
        frame_title(result_title(result.provenance), found.frame, found.reference),
        places.drawn(found, visible(values, found.quality, shown.quality_threshold)),
        _numbers(found, values, choices, places.under(found)),
        map_words(result, found, choices.entry),
        noted(
            result.provenance,
            relative=shown.relative,
            averaged_frames=shown.persistence if series else len(found.averaged),
            at_most=series,
            quality=shown.quality_threshold,
            measured_above=shown.measured_above,
            deformed=shown.in_deformed_shape,
            followed_from=places.followed_from,
        ),
        places.marks(found, deformed=shown.in_deformed_shape),
    )


@dataclass(frozen=True)
class Places:
    """Where maps and regions of a result lie under the choices; without `tissue` nothing moves."""

    result: Result
    choices: Choices
    tissue: Tissue | None = None

    @classmethod
    def of(cls, result: Result, choices: Choices) -> "Places":
        """Follow the tissue where that is chosen."""
        return cls(result, choices, Tissue.of(result) if choices.shown.follows else None)

    @property
    def followed_from(self) -> int | None:
        """Return the frame on which regions are drawn, where they follow and there are any."""
        return None if self.tissue is None or _marks(self.choices) == Marks() else self.tissue.home

    def under(self, found: FrameStrain) -> Marks:
        """Return the regions on the grid of a frame's map, where they are measured."""
        return _carried(self.choices.marks, self.tissue.under(found.frame) if self.tissue else None)

    def marks(self, found: FrameStrain, *, deformed: bool) -> Marks | None:
        """Return the marks on the grid of a frame's map, or in its `deformed` shape; None where they do not move."""
        if self.tissue is None:
            return None
        points = self.tissue.in_frame(found.frame) if deformed else self.tissue.under(found.frame)
        return _carried(_marks(self.choices), points)

    def drawn(self, found: FrameStrain, values: Map) -> Map:
        """Return a map as it is drawn: on the grid of its reference, or in deformed shape."""
        if not self.choices.shown.in_deformed_shape:
            return values
        return DeformedShape(self.result.frame(found.frame).displacement).shown(values)

    def remarks(self, found: FrameStrain | None = None) -> tuple[str, ...]:
        """Say what has moved, of a frame or of a series."""
        shape = "the shown frame" if found is None else frame_words(found.frame)
        said = (f"Drawn in the shape of {shape}.",) if self.choices.shown.in_deformed_shape else ()
        if self.followed_from is None or self.tissue is None:
            return said
        if found is not None and self.tissue.in_frame(found.frame) is None:
            return (*said, f"Regions as drawn: no chain of pairs leads from frame {self.followed_from} here.")
        return (*said, f"Regions follow the tissue from frame {self.followed_from}.")


def _carried(marks: Marks, points: TissuePoints | None) -> Marks:
    return Marks(*carried((marks.target, marks.background, marks.lesion), points), marks.profile)


def _numbers(found: FrameStrain, values: Map, choices: Choices, marks: Marks) -> Mapping[str, Measurement]:
    """Measure the map as the window does: under the regions, of the averaged strain, all pixels or the shown ones."""
    if not choices.options.numbers:
        return {}
    above = choices.shown.measured_above
    if choices.map != AXIAL_STRAIN:
        known = visible(values, found.quality, above)
        return map_metrics(known, choices.quantity, found.strain.geometry, marks.target, marks.background)
    return strain_metrics(measured(found, above).strain, marks.target, marks.background, lesion=marks.lesion)


def _values_of(result: Result, choices: Choices, read_map: ReadMap | None) -> Callable[[FrameStrain], Map]:
    """Return what gives the chosen map of a frame, as it is stored."""
    if choices.map != AXIAL_STRAIN:
        read = read_map or map_reader(result, choices.map, remove_rigid=choices.shown.remove_rigid)
        return lambda found: read(found.frame)
    relative = choices.shown.relative
    return lambda found: relative_strain(found.strain.axial, found.mean) if relative else found.strain.axial


def _scale(choices: Choices, *maps: Map) -> ColorScale:
    limits = choices.limits or (suggest_limits(*maps, quantity=choices.quantity) if maps else None)
    return ColorScale(choices.quantity, limits, choices.colormap)


def _limits_of_all(
    result: Result, choices: Choices, values_of: Callable[[FrameStrain], Map], frames: Sequence[int]
) -> Limits:
    """Limits that hold for all frames; an average reaches no further than what it is made of."""
    from engine.figures.draw_sheet import evenly

    if choices.limits is not None:
        return choices.limits
    some = map(averaged_frames(result), evenly(frames, MOST_ON_A_SHEET))
    return suggest_limits(*(values_of(entry)[::4, ::2] for entry in some), quantity=choices.quantity)


def _marks(choices: Choices) -> Marks:
    profile = choices.marks.profile if choices.options.profile else None
    return replace(choices.marks, profile=profile) if choices.options.ellipses else Marks(profile=profile)


def bmode_of(result: Result, frame: int, shown: Shown, read_rf: ReadRF) -> tuple[int, Map]:
    """Return the number of the frame whose B-mode belongs to a frame's strain, and that B-mode (H, W) in dB."""
    at = averaged_frames(result)(frame).reference if shown.bmode_frame == "reference" else frame
    level = reference_level(read_rf(result.reference_frame))
    return at, _leveled(result, read_rf(at), level, shown)


def reader_of(recording: Recording | RFSequence, result: Result) -> ReadRF:
    """Return what reads the RF of a frame; a recording that cannot be that of the result is a ParameterError."""
    if recording.shape[1:] != result.shape[1:]:
        found, wanted = (" x ".join(map(str, shape[1:])) for shape in (recording.shape, result.shape))
        raise ParameterError(f"frames of {found} do not belong to a result of {wanted}")

    def read(frame: int) -> Map:
        if frame >= recording.shape[0]:
            raise ParameterError(f"there is no frame {frame}, only {recording.shape[0]}")
        return recording.read_frame(frame)

    return read


def _bmode(result: Result, places: Places, read_rf: ReadRF | None) -> Callable[[FrameStrain], BmodePanel | None]:
    """Return what gives the B-mode of a frame; the reference frame sets the level of 0 dB for all of them."""
    choices = places.choices
    if read_rf is None or not choices.options.bmode:
        return lambda _found: None
    level = reference_level(read_rf(result.reference_frame))

    def panel(found: FrameStrain) -> BmodePanel:
        deformed = choices.shown.bmode_frame == "shown"
        decibel = _leveled(result, read_rf(found.frame if deformed else found.reference), level, choices.shown)
        return BmodePanel(decibel, choices.shown.dynamic_range_db, places.marks(found, deformed=deformed))

    return panel


def _leveled(result: Result, rf: Map, level: float, shown: Shown) -> Map:
    """Return the B-mode of a frame in dB, with the gains that are shown."""
    return gained(bmode_db(rf, reference_level=level), result.geometry, shown.gain_db, shown.depth_gain_db)


def rigid_remarks(result: Result, frame: int, choices: Choices) -> tuple[str, ...]:
    """Say what rigid motion was removed from a map of displacement."""
    if not (choices.entry.moves and choices.shown.remove_rigid):
        return ()
    removed = without_rigid(result.frame(frame).displacement)[1]
    return (f"Rigid motion removed: {removed.words()}.",)


def drift_remarks(result: Result, frame: int) -> tuple[str, ...]:
    """Say of motion that was added up how far it drifted."""
    words = drift_words(result.frame(frame).displacement.report)
    return (f"{words[:1].upper()}{words[1:]}.",) if words else ()


def _remarks(found: FrameStrain, places: Places, *, always: bool = False) -> tuple[str, ...]:
    """Say how strain is shown; `always` also says so of a frame that is averaged with no other, as in a series."""
    choices = places.choices
    averaged = len(found.averaged) > 1 or (always and choices.shown.persistence > 1)
    said = shown_remarks(
        mean=found.mean if choices.shown.relative else None,
        frames=found.averaged if averaged else (),
        quality=choices.shown.quality_threshold,
        masked=choices.shown.mask_numbers,
    )
    return (*said, *places.remarks(found))
