"""The whole chain on one screen: frames, pairs, displacement, quality, strain.

settings = Settings(method="ncc")
for estimate in run(sequence, settings):
    print(estimate.deformed_frame, np.nanmedian(estimate.strain.axial))
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.accumulation import closed, composed, consistent, drift_m, start_of
from engine.device import choose_device, frames_at_once
from engine.errors import CancelledError, MethodError, ParameterError
from engine.estimators.base import ESTIMATORS, BatchEstimator, Estimator, RecordingEstimator
from engine.failures import is_out_of_memory
from engine.files.reading_ahead import read_ahead
from engine.files.spooled import SpooledMaps
from engine.numerics.host import is_host
from engine.numerics.slope import SMALLEST_WINDOW
from engine.pairs import Pairing, parse_pairing
from engine.parameters import Parameters, parameter
from engine.preprocess.alignment import bulk_motion, bulk_motions
from engine.preprocess.filters import band_pass
from engine.preprocess.pairing import factor_of
from engine.preprocess.part_of_frame import Part, parse_box, part_of, part_with_echoes
from engine.quality import compensate, compensated, correlation_map
from engine.reliability.frame import NO_MATCH_SHARE
from engine.reliability.sigma import sigmas
from engine.reliability.validity import valid_pixels
from engine.strain.base import STRAIN_METHODS, read_in
from engine.types import NOISE_SHARE, Displacement, FrameEstimate, FramePair, Geometry, Map, RFSequence, Sigma, Strain

if TYPE_CHECKING:
    import torch

    from engine.on_device import MotionBatch, PairBatch

MOST_SHOWN = 8
"""Frames in a batch of a GPU while somebody looks at one: whoever goes to another waits for two batches at most."""

Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]


@dataclass(frozen=True)
class Preparation(Parameters):
    """What happens to the RF before any estimator sees it."""

    prealign: bool = parameter(True, help="Start every estimator from the bulk shift and mean strain of the frame")
    band_pass: bool = parameter(False, help="Keep only the band around the centre frequency")
    bandwidth_fraction: float = parameter(
        1.0, unit="of centre frequency", minimum=0.2, maximum=1.9, help="Width of the band that is kept"
    )
    pairing: str = parameter(
        "fixed",
        help="Compare each frame with one reference (fixed), with the one before it (sliding), with the n-th before it "
        "(lag n), either added up (sliding added up), or pairs such as 0-5, 2-7",
    )

    inverse_consistent: bool = parameter(
        False, help="Steps that are added up are estimated in both directions, and their mean is taken (twice the time)"
    )
    part: str = parameter(
        "",
        help="Part of the frame to estimate: depths in mm (10:25), and lateral positions after a comma (10:25,-8:8); "
        "empty for all of it",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_pairing(self.pairing)
        parse_box(self.part)


@dataclass(frozen=True)
class Settings:
    """Everything that decides a result, apart from the recording and the device.

    `frames` are the deformed frames to estimate; None means every frame but the reference. Parameters left None are
    the method's defaults; those of the strain have the window that the method reads its strain in. `label` decides
    nothing: it tells apart one method run in several ways.
    """

    method: str
    parameters: Parameters | None = None
    reference: int = 0
    frames: tuple[int, ...] | None = None
    preparation: Preparation = field(default_factory=Preparation)
    strain_method: str = "least-squares"
    strain_parameters: Parameters | None = None
    label: str = ""

    @property
    def row(self) -> str:
        """Name in a table that compares several: the label, else the method's."""
        return self.label or self.method

    def resolved(self) -> "Settings":
        """Return the same settings with the defaults filled in.

        An unknown or unavailable method is a MethodError, parameters of another method are a ParameterError.
        """
        estimator = ESTIMATORS.get(self.method)
        reason = estimator.unavailable()
        if reason:
            raise MethodError(f"{self.method} cannot run: {reason}")
        strain_method = STRAIN_METHODS.get(self.strain_method)
        reason = strain_method.unavailable()
        if reason:
            raise MethodError(f"strain method {self.strain_method} cannot run: {reason}")
        return replace(
            self,
            parameters=_own(self.method, self.parameters, estimator.Params),
            strain_parameters=_own(
                self.strain_method,
                self.strain_parameters or read_in(strain_method.Params, estimator.strain_window_m),
                strain_method.Params,
            ),
        )

    @property
    def pairs(self) -> Pairing:
        """Which frame each is compared with."""
        return parse_pairing(self.preparation.pairing)

    def reference_of(self, frame: int) -> int | None:
        """Return the frame on whose grid a frame's strain lies; None where it has none."""
        return self.pairs.reference_of(frame, self.reference)

    def in_equal_window(self) -> "Settings":
        """Return the same settings resolved for a comparison: without strain parameters, with those of all methods."""
        given = self.strain_parameters or STRAIN_METHODS.get(self.strain_method).Params()
        return replace(self, strain_parameters=given).resolved()


def _own(method: str, given: Parameters | None, kind: type[Parameters]) -> Parameters:
    if given is not None and not isinstance(given, kind):
        raise ParameterError(f"{method} takes {kind.__name__}, found {type(given).__name__}")
    return kind() if given is None else given


def run(
    sequence: RFSequence,
    settings: Settings,
    device: "torch.device | None" = None,
    progress: Progress = lambda done, total: None,
    cancelled: Cancelled = lambda: False,
    *,
    shown: Callable[[], int] | None = None,
    began: Callable[[int], None] = lambda frame: None,
    provisional: bool = False,
    batch: int | None = None,
) -> Iterator[FrameEstimate]:
    """Yield the estimate of each wanted frame as soon as it is there, in increasing distance from the reference.

    Parameters
    ----------
    sequence
        Frames (T, H, W) with a complete geometry.
    settings
        Method, its parameters, reference, frames, preparation and strain method.
    device
        Where torch computes; None for CUDA where there is one.
    progress, cancelled
        Called with frames done and wanted; asked between frames.
    shown
        Gives the frame that somebody looks at, asked before each frame: the one nearest to it is next. A recurrent
        method goes through all frames from the reference, on the side of the shown one first.
    began
        Called with the number of each frame before it is estimated.
    provisional
        A method of the whole recording estimates each pair alone first; True yields these too, marked `provisional`.
    batch
        Frames that go through the chain together; None for what suits the device.

    Yields
    ------
    FrameEstimate
        Displacement in metres, strain (negative in compression) and quality in 0..1, each (H, W).

    Raises
    ------
    MethodError, ParameterError
        Before the first frame, if a method cannot run or a frame does not exist.
    CancelledError
        When `cancelled` said so.

    >>> from engine.readers import open_recording
    >>> sequence = open_recording("resources/examples/demo.h5").complete()
    >>> (estimate,) = run(sequence, Settings("ncc", frames=(1,)))
    >>> estimate.strain.axial.shape == sequence.shape[1:]
    True
    """
    device = choose_device() if device is None else device
    settings = settings.resolved()
    wanted = wanted_frames(sequence, settings)
    if settings.preparation.part:
        part: Part | None = part_of(sequence, parse_box(settings.preparation.part))
    else:
        references = settings.pairs.references(wanted, settings.reference).values()
        part = part_with_echoes(sequence, {*list(references)[:: max(len(wanted) // 3, 1)]})
    if part is not None:
        whole = replace(settings, preparation=replace(settings.preparation, part=""))
        asked: dict[str, Any] = {"shown": shown, "began": began, "provisional": provisional, "batch": batch}
        more = run(part.sequence, whole, device, progress, cancelled, **asked)
        yield from map(part.in_whole, more)
        return
    course = _Course(device, progress, cancelled, began, batch)
    if settings.pairs.added:
        yield from _accumulated(sequence, settings, wanted, course)
    else:
        yield from _each(sequence, settings, wanted, course, shown=shown, provisional=provisional)


@dataclass(frozen=True)
class _Course:
    """Where a run computes, whom it tells and asks, and how many frames go together; see `run`."""

    device: "torch.device"
    progress: Progress
    cancelled: Cancelled
    began: Callable[[int], None]
    batch: int | None


def _each(
    sequence: RFSequence,
    settings: Settings,
    wanted: tuple[int, ...],
    course: _Course,
    *,
    shown: Callable[[], int] | None = None,
    provisional: bool = False,
    together: bool = True,
) -> Iterator[FrameEstimate]:
    """Estimate each wanted frame against its own reference; a method of the whole recording takes pairs `together`."""
    groups = tuple(_groups(sequence, settings)) if together else ()
    steps = len(wanted) * (2 if groups else 1)
    done = 0
    course.progress(0, steps)
    with ExitStack() as stack:
        if shown is None and not is_host(course.device):
            sequence = stack.enter_context(read_ahead(sequence, wanted))
        for reference, deformed in _runs(wanted, groups, settings, shown):
            pairs = Pairs(sequence, settings.preparation, reference, course.cancelled)
            chain = _Chain(pairs, settings, groups, course, shown, provisional=provisional)
            for frame, estimate in chain.estimates(deformed):
                if frame in wanted:
                    done += 1
                    course.progress(done, steps)
                    if estimate is not None:
                        yield estimate


def _accumulated(
    sequence: RFSequence,
    settings: Settings,
    wanted: tuple[int, ...],
    course: _Course,
) -> Iterator[FrameEstimate]:
    """Estimate every step from the reference on, and yield the sums up to the wanted frames."""
    lag = settings.pairs.lag
    ends = tuple(range(settings.reference + lag, wanted[-1] + 1, lag))
    assert settings.strain_parameters is not None
    assert settings.parameters is not None
    estimator, method = ESTIMATORS.get(settings.method), STRAIN_METHODS.get(settings.strain_method)
    pairs, total = Pairs(sequence, settings.preparation, settings.reference, course.cancelled), None
    finish = Finish(settings, sequence.geometry)
    consistency = settings.preparation.inverse_consistent
    shares = {"there": 0.0, "back": 0.0, "sums": 0.0} if consistency else {"there": 0.0, "sums": 0.0}

    def told(part: str, done: int, of: int) -> None:
        shares[part] = done / of
        course.progress(round(sum(shares.values()) * len(ends)), len(shares) * len(ends))

    def steps(part: str, pairing: str, frames: tuple[int, ...]) -> Iterator[FrameEstimate]:
        apart = replace(settings, preparation=replace(settings.preparation, pairing=pairing))
        return _each(sequence, apart, frames, replace(course, progress=partial(told, part)), together=False)

    there = steps("there", f"lag {lag}", ends)
    back: Iterator[FrameEstimate] = iter(())
    if consistency:
        starts = tuple(frame - lag for frame in ends)
        back = steps("back", ", ".join(f"{frame + lag}-{frame}" for frame in starts), starts)
    inconsistencies: list[float] = []
    for done, step in enumerate(there, 1):
        frame = step.deformed_frame
        for reverse in islice(back, 1):
            step, inconsistency_m = consistent(step, reverse)
            inconsistencies.append(inconsistency_m)
        pair = pairs.of(frame)
        if total is None:
            total = step
        else:
            total = composed(total, step)
            started = replace(pair, initial=start_of(total))
            ((_, motion),) = estimator.track_pairs(iter([started]), settings.parameters, course.device)
            total = closed(total, finish.one(frame, pair, motion, course.device))
        if frame in wanted:
            report = {"steps": float(done), "drift_m": drift_m(compensate(pair, total.displacement, course.device))}
            if inconsistencies:
                report["inconsistency_m"] = max(inconsistencies)
            strain = method.strain(total.displacement, total.quality, settings.strain_parameters, course.device)
            yield replace(total, displacement=replace(total.displacement, report=report), strain=strain)
        told("sums", done, len(ends))


def wanted_frames(sequence: RFSequence, settings: Settings) -> tuple[int, ...]:
    """Frames that `run` will yield, in increasing order; a frame that does not exist is a ParameterError.

    So is a recording without a second frame, or of frames too short for a strain window of five samples.

    Parameters
    ----------
    sequence
        Frames (T, H, W).
    settings
        Its reference, frames and pairing count.

    Returns
    -------
    tuple of int
        Deformed frames, counted from 0.

    Raises
    ------
    ParameterError
        As above.

    >>> from engine.types import Geometry
    >>> sequence = RFSequence.from_array(np.zeros((4, 64, 8), np.float32), Geometry(40e6, 5e6, 1540.0, 0.3e-3))
    >>> wanted_frames(sequence, Settings("ncc", reference=1))
    (0, 2, 3)
    """
    total, rows, _ = sequence.shape
    if total < 2:
        raise ParameterError(f"{sequence.name} holds one frame: strain needs at least two")
    if rows < SMALLEST_WINDOW:
        raise ParameterError(f"{sequence.name} has frames of {rows} samples: strain needs at least {SMALLEST_WINDOW}")
    if not 0 <= settings.reference < total:
        raise ParameterError(f"reference frame {settings.reference} does not exist, there are {total}")
    frames = range(total) if settings.frames is None else settings.frames
    bad = [frame for frame in frames if not 0 <= frame < total]
    if bad:
        raise ParameterError(f"frame {bad[0]} does not exist, there are {total}")
    wanted = tuple(sorted(set(frames) & set(settings.pairs.frames(total, settings.reference))))
    if not wanted:
        pairs = settings.pairs
        why = "besides the reference" if pairs.fixed else f"with pairs {pairs.text}: no wanted one has a reference"
        raise ParameterError(f"no frame to estimate {why}")
    return wanted


def unused_warning(settings: Settings) -> str:
    """Say what was asked for and changes nothing: consistent steps where there are none, a whole recording of steps."""
    pairs = settings.pairs
    if settings.preparation.inverse_consistent and not pairs.added:
        return "inverse-consistent steps change nothing here: only pairs that are added up have steps"
    known = settings.method in ESTIMATORS.names()
    if known and pairs.added and isinstance(ESTIMATORS.get(settings.method), RecordingEstimator):
        return f"{settings.method} takes steps that are added up ({pairs.text}) each alone, without a common pattern"
    return ""


def depth_warning(sequence: RFSequence, settings: Settings) -> str:
    """Say that frames do not hold one whole window, where that is so: cut short, it gives strain far too low."""
    depth_m = sequence.shape[1] * sequence.geometry.axial_spacing_m
    chosen = ((settings.method, settings.parameters), (settings.strain_method, settings.strain_parameters))
    windows = {method: float(getattr(parameters, "window_m", 0.0)) for method, parameters in chosen}
    method = max(windows, key=lambda name: windows[name])
    if windows[method] <= depth_m:
        return ""
    return (
        f"{sequence.name} is {1e3 * depth_m:.2g} mm deep, less than the window of {method}, "
        f"{1e3 * windows[method]:.2g} mm: strain may be far too low, choose a shorter window"
    )


def is_recurrent(settings: Settings) -> bool:
    """Say whether the method remembers what it saw of the frames before: these must be estimated too."""
    settings = settings.resolved()
    assert settings.parameters is not None
    return settings.pairs.fixed and ESTIMATORS.get(settings.method).is_recurrent(settings.parameters)


@dataclass(frozen=True)
class _Group:
    """Pairs that a method of the whole recording takes together, and what it looks at, whichever are wanted.

    That is the frames `evidence`, compared with the one reference.
    """

    reference: int
    evidence: tuple[int, ...]
    frames: tuple[int, ...]
    """Deformed frames of the pairs."""


def _groups(sequence: RFSequence, settings: Settings) -> Iterator[_Group]:
    """Give the groups of a method of the whole recording: all pairs of one reference, or neighbours; () of others."""
    estimator = ESTIMATORS.get(settings.method)
    if not isinstance(estimator, RecordingEstimator):
        return
    frames = settings.pairs.frames(sequence.shape[0], settings.reference)
    references = settings.pairs.references(frames, settings.reference)
    ordered = sorted(references, key=lambda frame: (references[frame], frame))
    parts = 1 if settings.pairs.fixed else -(-len(ordered) // estimator.pairs_together)
    for part in np.array_split(np.array(ordered), parts):
        some = tuple(int(frame) for frame in part)
        first = references[some[0]]
        others = sorted({*some, *(references[frame] for frame in some)} - {first})
        evidence = estimator.evidence(len(others), settings.parameters)
        if not settings.pairs.fixed and len(evidence) > 2:
            evidence = evidence[::-2][::-1]  # they are no pairs that are wanted: each costs as much as one more pair
        yield _Group(first, tuple(others[place] for place in evidence), some)


def _runs(
    wanted: tuple[int, ...], groups: tuple[_Group, ...], settings: Settings, shown: Callable[[], int] | None
) -> Iterator[tuple["int | Mapping[int, int]", Iterable[int]]]:
    """Split into runs of one reference and deformed frames at growing distance: after it, then before it.

    Pairs of several references are one run, and so are all that a method of the whole recording takes.
    """
    if groups:
        fixed = settings.pairs.fixed
        frames = tuple(sorted({*wanted, *groups[0].evidence})) if fixed else wanted
        references = settings.reference if fixed else settings.pairs.references(frames, settings.reference)
        yield references, frames if shown is None else _Outwards(frames, shown)
        return
    if not settings.pairs.fixed:
        references = settings.pairs.references(wanted, settings.reference)
        yield references, wanted if shown is None else _Outwards(wanted, shown)
        return
    reference, recurrent = settings.reference, is_recurrent(settings)
    if shown is not None and not recurrent:
        yield reference, _Outwards(wanted, shown)
        return
    after = [frame for frame in wanted if frame > reference]
    before = [frame for frame in reversed(wanted) if frame < reference]
    sides = [after, before] if shown is None or shown() >= reference else [before, after]
    for side in filter(None, sides):
        step = 1 if side[-1] > reference else -1
        yield reference, range(reference + step, side[-1] + step, step) if recurrent else side


@dataclass(frozen=True)
class _Outwards:
    """Frames from the shown one outwards, wherever that is when the next one is asked for."""

    wanted: tuple[int, ...]
    shown: Callable[[], int]

    def __len__(self) -> int:
        return len(self.wanted)

    def __iter__(self) -> Iterator[int]:
        left = set(self.wanted)
        while left:
            at = self.shown()
            frame = min(left, key=lambda entry: (abs(entry - at), entry))
            left.discard(frame)
            yield frame


@dataclass(frozen=True)
class _Chain:
    """One run's way from frames to estimates, by a method that takes pairs or batches; `groups` as `_groups`."""

    pairs: "Pairs"
    settings: Settings
    groups: tuple[_Group, ...]
    course: _Course
    shown: Callable[[], int] | None
    """The frame that somebody looks at and waits for."""
    provisional: bool

    def estimates(self, deformed: Iterable[int]) -> Iterator[tuple[int, FrameEstimate | None]]:
        """Yield each frame with its estimate, or None where only a first one is there that nobody wants."""
        estimator = ESTIMATORS.get(self.settings.method)
        if not isinstance(estimator, BatchEstimator):
            for frames in [deformed] if self._one_reference else ([frame] for frame in deformed):
                yield from self._one_by_one(estimator, frames)
        elif self.groups:
            assert isinstance(estimator, RecordingEstimator)
            yield from self._whole_recording(estimator, deformed)
        else:
            chain, tracked = self._tracking(estimator)
            for frames, arrays in chain._in_batches(deformed, lambda _, batch: self._finish.maps(*tracked(batch))):
                yield from zip(frames, self._finish.frames(frames, arrays), strict=True)

    @cached_property
    def _finish(self) -> "Finish":
        return Finish(self.settings, self.pairs.sequence.geometry)

    def _one_by_one(
        self, estimator: Estimator[Any], deformed: Iterable[int]
    ) -> Iterator[tuple[int, FrameEstimate | None]]:
        """Pairs are made when the estimator asks for them, so only a few frames are in memory."""
        asked: deque[int] = deque()
        """Frames that the estimator has taken; they are chosen one by one, and it may take some ahead."""

        def aligned() -> Iterator[FramePair]:
            for frame in deformed:
                self.pairs.check()
                asked.append(frame)
                self.course.began(frame)
                pair = self.pairs.of(frame)
                yield replace(pair, initial=bulk_motion(pair, self.device)) if self._prealigned else pair

        for pair, displacement in estimator.track_pairs(aligned(), self.settings.parameters, self.device):
            frame = asked.popleft()
            yield frame, self._finish.one(frame, pair, displacement, self.device)
            self.pairs.check()

    def _whole_recording(
        self, estimator: RecordingEstimator[Any], deformed: Iterable[int]
    ) -> Iterator[tuple[int, FrameEstimate | None]]:
        """Estimate each frame alone, then all together; a first estimate is finished only if it is wanted."""
        import torch

        kept, fixed = SpooledMaps(), self.settings.pairs.fixed
        yield from self._alone(estimator, deformed, kept)
        group_of = {frame: group for group in self.groups for frame in group.frames}
        members: dict[_Group, list[int]] = {}
        for frame in kept:
            members.setdefault(group_of[frame], []).append(frame)
        for group, some in members.items():
            self.pairs.check()
            pairs = self.pairs if fixed else replace(self.pairs, reference=group.reference)
            known = kept if fixed else SpooledMaps()
            if not fixed:
                beside = replace(self, pairs=pairs, provisional=False)
                deque(beside._alone(estimator, group.evidence, known, again=True), maxlen=0)
            batch_of = partial(pairs.batch, device=self.device)
            with torch.inference_mode():
                found = estimator.together(batch_of, known, group.evidence, self.settings.parameters)
            work = partial(self._answered, found if fixed else found.carried, kept)
            ordered = some if self.shown is None else _Outwards(tuple(some), self.shown)
            for frames, arrays in self._in_batches(ordered, work, again=True):
                yield from zip(frames, self._finish.frames(frames, arrays), strict=True)

    def _answered(
        self,
        answer: "Callable[[Sequence[int], PairBatch, Mapping[int, Map]], MotionBatch]",
        kept: Mapping[int, Map],
        frames: Sequence[int],
        batch: "PairBatch",
    ) -> "dict[str, torch.Tensor]":
        return self._finish.maps(batch, answer(frames, batch, kept))

    def _alone(
        self,
        estimator: RecordingEstimator[Any],
        deformed: Iterable[int],
        kept: SpooledMaps,
        *,
        again: bool = False,
    ) -> Iterator[tuple[int, FrameEstimate | None]]:
        """Estimate each frame alone and keep what is needed of it; what a tracker remembers is of one reference."""
        parameters, geometry = self.settings.parameters, self.pairs.sequence.geometry
        chain, tracked = self._tracking(estimator)

        def alone(_: Sequence[int], batch: "PairBatch") -> "dict[str, torch.Tensor]":
            batch, found = tracked(batch)
            maps = self._finish.maps(batch, found) if self.provisional else {}
            return {**maps, "kept": estimator.keep(found.motion, geometry, parameters)}

        for frames, arrays in chain._in_batches(deformed, alone, again=again):
            for frame, values in zip(frames, arrays.pop("kept"), strict=True):
                kept.add(frame, values)
            firsts: Sequence[FrameEstimate | None] = [None] * len(frames)
            if self.provisional:
                firsts = self._finish.frames(frames, arrays, provisional=True)
            yield from zip(frames, firsts, strict=True)

    @property
    def device(self) -> "torch.device":
        """Where it computes."""
        return self.course.device

    @property
    def _prealigned(self) -> bool:
        return self.settings.preparation.prealign

    @property
    def _one_reference(self) -> bool:
        return isinstance(self.pairs.reference, int)

    def _tracking(
        self, estimator: BatchEstimator[Any]
    ) -> "tuple[_Chain, Callable[[PairBatch], tuple[PairBatch, MotionBatch]]]":
        """Return how pairs are aligned and tracked, and the chain that makes batches which the method can take.

        What a tracker remembers is of one reference; pairs of several have a tracker for each batch.
        """
        shared = estimator.tracker(self.settings.parameters, self.device) if self._one_reference else None

        def tracked(batch: "PairBatch") -> "tuple[PairBatch, MotionBatch]":
            if self._prealigned:
                batch = replace(batch, initial=bulk_motions(batch).motion)
            return batch, (shared or estimator.tracker(self.settings.parameters, self.device))(batch)

        one_by_one = not (self._one_reference or estimator.several_references)
        together = self.course.batch or not is_host(self.device)
        return replace(self, course=replace(self.course, batch=1)) if one_by_one and together else self, tracked

    def _in_batches(
        self,
        deformed: Iterable[int],
        work: "Callable[[Sequence[int], PairBatch], dict[str, torch.Tensor]]",
        *,
        again: bool = False,
    ) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Take frames through some work, in batches or side by side; nothing leaves the device before all is known.

        On a CPU each goes alone, on a thread of its own where that is possible; the shown one has all threads, and is
        given at once. Elsewhere the first one goes alone, so that it is there soon, and batches double from then on,
        unless a size is wanted. One for which the memory does not suffice is halved, and so are those that follow. On
        CUDA the results of one batch leave while the next one computes. Frames are read on the thread that asks for
        them; those taken `again` have begun before.
        """
        import torch

        from engine.on_device import Departure
        from engine.side_by_side import SideBySide

        estimator = ESTIMATORS.get(self.settings.method)
        assert isinstance(estimator, BatchEstimator)
        wanted = self.course.batch or estimator.frames_per_batch(self.settings.parameters)
        remembers = self._one_reference and estimator.is_recurrent(self.settings.parameters)
        free = not (wanted or remembers)
        fitting = frames_at_once(self.pairs.sequence.shape[1:], self.device)
        size, most = wanted or 1, wanted or (fitting if self.shown is None else min(fitting, MOST_SHOWN))
        waiting, leaving = list[int](), deque[tuple[list[int], Callable[[], dict[str, Any]]]]()

        def computed(frames: list[int], batch: "PairBatch") -> Callable[[], dict[str, Any]]:
            with torch.inference_mode():
                return Departure(work(frames, batch)).arrays

        with SideBySide(
            len(deformed) if free and is_host(self.device) and isinstance(deformed, Sized) else 1
        ) as threads:
            ahead = threads.count if threads.count > 1 else int(self.device.type == "cuda")
            frames = iter(deformed)
            while True:
                taken, waiting = waiting[:size], waiting[size:]
                for frame in islice(frames, size - len(taken) if not waiting else 0):
                    self.pairs.check()
                    if not again:
                        self.course.began(frame)
                    taken.append(frame)
                if not taken:
                    break
                at_once = self.shown is not None and self.shown() in taken
                try:
                    batch = self.pairs.batch(taken, self.device)
                    begun = taken, threads.begin(partial(computed, taken, batch), at_once=at_once)
                    (leaving.appendleft if at_once else leaving.append)(begun)
                except (RuntimeError, MemoryError) as error:
                    if len(taken) == 1 or not is_out_of_memory(error):
                        raise
                    size = most = len(taken) // 2
                    waiting = taken + waiting
                    continue
                size = min(2 * size, most)
                while at_once or len(leaving) > ahead:
                    numbers, arrays = leaving.popleft()
                    yield numbers, arrays()
                    self.pairs.check()
                    at_once = False
            for numbers, arrays in leaving:
                yield numbers, arrays()
                self.pairs.check()


@dataclass(frozen=True)
class Pairs:
    """Pairs of one reference, or of that of each frame, each made anew when asked for, without initial motion."""

    sequence: RFSequence
    preparation: Preparation
    reference: int | Mapping[int, int]
    cancelled: Cancelled

    def of(self, frame: int) -> FramePair:
        """Return reference and frame as a pair; a CancelledError when the work is no longer wanted."""
        return FramePair(self._still(frame)[0], self._deformed(frame), self.sequence.geometry)

    def batch(self, frames: Sequence[int], device: "torch.device") -> "PairBatch":
        """Return references and frames on a device; a CancelledError when the work is no longer wanted."""
        from engine.on_device import PairBatch, upload

        references = tuple(self._reference_of(frame) for frame in frames)
        one = references[:1] if len(set(references)) == 1 else references
        if one not in self._there:
            self._there.clear()
            self._there[one] = upload(np.stack([self._still(frame)[0] for frame in frames[: len(one)]]), device)
        deformed = upload(np.stack([self._deformed(frame) for frame in frames]), device)
        return PairBatch(self._there[one], deformed, self.sequence.geometry)

    def check(self) -> None:
        """Raise a CancelledError when the work is no longer wanted."""
        if self.cancelled():
            raise CancelledError("cancelled")

    def _deformed(self, frame: int) -> Map:
        self.check()
        _, factor = self._still(frame)
        return _prepare(self.sequence, frame, self.preparation) * factor

    def _reference_of(self, frame: int) -> int:
        return self.reference if isinstance(self.reference, int) else self.reference[frame]

    def _still(self, frame: int) -> tuple[Map, np.float32]:
        """Return the reference of a frame, divided, and the factor it was multiplied with; the last one is kept."""
        number = self._reference_of(frame)
        if number not in self._divided:
            reference = _prepare(self.sequence, number, self.preparation)
            factor = factor_of(reference)
            self._divided.clear()
            self._divided[number] = reference * factor, factor
        return self._divided[number]

    @cached_property
    def _divided(self) -> dict[int, tuple[Map, np.float32]]:
        """The last reference."""
        return {}

    @cached_property
    def _there(self) -> "dict[tuple[int, ...], torch.Tensor]":
        """The last references on the device."""
        return {}


@dataclass(frozen=True)
class Finish:
    """What follows a displacement: quality, validity, strain and sigma."""

    settings: Settings
    geometry: Geometry

    def maps(self, batch: "PairBatch", found: "MotionBatch") -> "dict[str, torch.Tensor]":
        """Everything that is known of a batch, (B, H, W) each by its name, and facts (B,)."""
        import torch

        settings, geometry = self.settings, self.geometry
        assert settings.strain_parameters is not None
        frames = compensated(batch, found.motion)
        quality = correlation_map(frames)
        valid = valid_pixels(frames, ESTIMATORS.get(settings.method).chance_correlation)
        motion = torch.where(valid[:, None], found.motion, torch.nan)  # smoothness alone has made up the others
        method = STRAIN_METHODS.get(settings.strain_method)
        strain, window_m = method.strains(motion, quality, geometry, settings.strain_parameters)
        sigma = sigmas(settings.method, motion, strain, quality, geometry, window_m, found.report.get(NOISE_SHARE))
        matches = valid.sum(dim=(-2, -1)) > NO_MATCH_SHARE * valid[0].numel()  # else its word on itself means nothing
        return {
            "axial_m": motion[:, 1] * geometry.axial_spacing_m,
            "lateral_m": motion[:, 0] * geometry.pitch_m,
            "strain": strain,
            "quality": quality,
            "window_m": torch.full(strain.shape[:1], window_m, dtype=torch.float64),
            **{f"sigma {name}": values for name, values in sigma.items()},
            **{f"report {name}": torch.where(matches, values, torch.nan) for name, values in found.report.items()},
        }

    def frames(
        self, numbers: Sequence[int], arrays: dict[str, Any], *, provisional: bool = False
    ) -> list[FrameEstimate]:
        """Take the maps of a batch apart."""
        from engine.on_device import known

        found = []
        for place, number in enumerate(numbers):
            maps = {name: values[place].copy() for name, values in arrays.items()}  # each frame is kept by itself

            def named(start: str, maps: dict[str, Any] = maps) -> dict[str, Any]:
                return {name.removeprefix(start): entry for name, entry in maps.items() if name.startswith(start)}

            displacement = Displacement(maps["axial_m"], maps["lateral_m"], self.geometry, known(named("report ")))
            strain = self._strain(maps["strain"], float(maps["window_m"]))
            sigma = Sigma(**named("sigma "))
            reference = self.settings.reference_of(number)
            assert reference is not None
            found.append(FrameEstimate(reference, number, displacement, strain, maps["quality"], sigma, provisional))
        return found

    def _strain(self, axial: Map, window_m: float) -> Strain:
        chosen: Any = self.settings.strain_parameters
        return Strain(axial, self.geometry, window_m, lateral_window_m=chosen.lateral_window_m, measure=chosen.measure)

    def one(
        self,
        number: int,
        pair: FramePair,
        displacement: Displacement,
        device: "torch.device",
    ) -> FrameEstimate:
        """Finish one frame whose displacement was found on the host."""
        import torch

        from engine.on_device import Departure, MotionBatch, PairBatch

        with torch.inference_mode():
            maps = self.maps(PairBatch.of([pair], device), MotionBatch.of(displacement, device))
            return self.frames([number], Departure(maps).arrays())[0]


def _prepare(sequence: RFSequence, index: int, preparation: Preparation) -> Map:
    frame = sequence.frame(index)
    if preparation.band_pass:
        return band_pass(frame, sequence.geometry, preparation.bandwidth_fraction)
    return frame
