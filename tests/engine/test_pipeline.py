"""The chain: which frames meet, in which order, and what cancelling or a bad choice does."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import CancelledError, MethodError, ParameterError, StrainscopeError
from engine.estimators.base import ESTIMATORS, Estimator
from engine.parameters import Parameters
from engine.pipeline import Pairs, Preparation, Settings, depth_warning, run, unused_warning
from engine.scripting import settings_of
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, FramePair, RFSequence


class Probe(Estimator[Parameters]):
    """Notes the pairs it meets as (reference level, deformed level); frame k of the recording has level k + 1."""

    name, title, kind, Params = "probe", "Probe", "classical", Parameters

    def __init__(self, recurrent: bool = False) -> None:
        self.recurrent = recurrent
        self.runs: list[list[tuple[int, int]]] = []

    def is_recurrent(self, params: Parameters) -> bool:
        return self.recurrent

    def track(self, pairs: Iterable[FramePair], params: Parameters, device: object) -> Iterator[Displacement]:
        self.runs.append([])
        for pair in pairs:
            ratio = np.abs(pair.deformed).max() / np.abs(pair.reference).max()
            self.runs[-1].append(round(float(ratio), 3))
            yield Displacement(0 * pair.reference, 0 * pair.reference, pair.geometry)

    def unavailable(self) -> str | None:
        return None


@pytest.fixture
def levels(geometry) -> RFSequence:
    speckle = np.random.default_rng(0).standard_normal((120, 10)).astype(np.float32)
    return RFSequence.from_array(np.stack([(k + 1) * speckle for k in range(6)]), geometry)


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    ESTIMATORS.discover()
    entry = Probe()
    monkeypatch.setitem(ESTIMATORS._entries, "probe", entry)
    return entry


PLAIN = Preparation(prealign=False)


def frames(sequence: RFSequence, cpu, **choices: object) -> list[tuple[int, int]]:
    settings = Settings(method="probe", preparation=choices.pop("preparation", PLAIN), **choices)  # type: ignore[arg-type]
    return [(estimate.reference_frame, estimate.deformed_frame) for estimate in run(sequence, settings, cpu)]


def test_every_frame_but_the_reference_is_estimated(levels, probe, cpu) -> None:
    assert frames(levels, cpu) == [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5)]
    assert probe.runs == [[2.0, 3.0, 4.0, 5.0, 6.0]]


def test_a_reference_in_the_middle_runs_outwards_both_ways(levels, probe, cpu) -> None:
    assert frames(levels, cpu, reference=2) == [(2, 3), (2, 4), (2, 5), (2, 1), (2, 0)]
    assert probe.runs == [pytest.approx([4 / 3, 5 / 3, 2], abs=1e-3), pytest.approx([2 / 3, 1 / 3], abs=1e-3)]


def test_only_wanted_frames_run_without_a_memory(levels, probe, cpu) -> None:
    assert frames(levels, cpu, frames=(4, 2)) == [(0, 2), (0, 4)]
    assert probe.runs == [[3.0, 5.0]]


def test_a_memory_starts_at_the_reference_and_sees_every_frame(levels, probe, cpu) -> None:
    probe.recurrent = True
    assert frames(levels, cpu, frames=(4,)) == [(0, 4)]
    assert probe.runs == [[2.0, 3.0, 4.0, 5.0]]
    assert frames(levels, cpu, reference=3, frames=(1,)) == [(3, 1)]
    assert probe.runs[1] == pytest.approx([3 / 4, 2 / 4], abs=1e-3)


def test_sliding_pairs_compare_neighbours(levels, probe, cpu) -> None:
    sliding = Preparation(prealign=False, pairing="sliding")
    assert frames(levels, cpu, preparation=sliding) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert frames(levels, cpu, preparation=sliding, frames=(3,)) == [(2, 3)]
    assert probe.runs[0] == pytest.approx([2.0])


def test_progress_counts_the_wanted_frames(levels, probe, cpu) -> None:
    seen: list[tuple[int, int]] = []
    settings = Settings(method="probe", frames=(2, 4), preparation=PLAIN)
    list(run(levels, settings, cpu, progress=lambda done, total: seen.append((done, total))))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_cancelling_stops_before_the_next_frame(levels, probe, cpu) -> None:
    done: list[int] = []
    stream = run(levels, Settings(method="probe", preparation=PLAIN), cpu, cancelled=lambda: len(done) >= 2)
    done += [next(stream).deformed_frame, next(stream).deformed_frame]
    with pytest.raises(CancelledError):
        next(stream)
    assert done == [1, 2]


def test_frames_are_read_one_by_one(levels, probe, cpu, geometry) -> None:
    read: list[int] = []

    def read_frame(index: int) -> np.ndarray:
        read.append(index)
        return levels.frame(index)

    lazy = RFSequence(levels.shape, geometry, read_frame)
    stream = run(lazy, Settings(method="probe", preparation=PLAIN), cpu)
    next(stream)
    assert set(read) == {0, 1}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"reference": 6}, "reference frame 6 does not exist"),
        ({"frames": (9,)}, "frame 9 does not exist"),
        ({"frames": (0,)}, "no frame to estimate"),
    ],
)
def test_impossible_frames_are_one_clear_line(levels, probe, cpu, choices, message) -> None:
    with pytest.raises(ParameterError, match=message):
        frames(levels, cpu, **choices)


def test_one_frame_is_not_enough(probe, cpu, geometry) -> None:
    single = RFSequence.from_array(np.ones((1, 50, 8), np.float32), geometry)
    with pytest.raises(ParameterError, match="strain needs at least two"):
        frames(single, cpu)


def test_frames_of_four_samples_are_too_short(probe, cpu, geometry) -> None:
    short = RFSequence.from_array(np.ones((2, 4, 8), np.float32), geometry)
    with pytest.raises(ParameterError, match="frames of 4 samples: strain needs at least 5"):
        frames(short, cpu)


def test_parameters_of_another_method_are_one_clear_line(levels, cpu) -> None:
    glue, kalman = ESTIMATORS.get("glue").Params(), STRAIN_METHODS.get("kalman").Params()
    with pytest.raises(ParameterError, match="ncc takes NccParams, found GlueParameters"):
        list(run(levels, Settings(method="ncc", parameters=glue), cpu))
    with pytest.raises(ParameterError, match="least-squares takes LeastSquaresParams, found KalmanParameters"):
        list(run(levels, Settings(method="ncc", strain_parameters=kalman), cpu))


def test_an_empty_reference_is_said(probe, cpu, geometry) -> None:
    empty = RFSequence.from_array(np.zeros((2, 50, 8), np.float32), geometry)
    with pytest.raises(StrainscopeError, match="no signal"):
        frames(empty, cpu)


def test_an_unknown_method_lists_the_known_ones(levels, cpu) -> None:
    with pytest.raises(MethodError, match="ncc"):
        list(run(levels, Settings(method="nonsense"), cpu))


@pytest.mark.parametrize("method", ["ncc", "loupas"])
def test_the_whole_chain_measures_a_growing_compression(render, geometry, cpu, method) -> None:
    """Frame 1 at 0.5 % and frame 2 at 1.5 %, seen from frame 0; compression is negative strain."""
    first, second = (render(lambda z, x, e=e: (-e * z, 0 * x)) for e in (0.005, 0.015))
    stack = np.stack([first.reference, first.deformed, second.deformed])
    estimates = list(run(RFSequence.from_array(stack, geometry), Settings(method=method), cpu))
    for estimate, expected in zip(estimates, (-0.005, -0.015), strict=True):
        inside = estimate.strain.axial[60:-60, 3:-3]
        assert np.nanmedian(inside) == pytest.approx(expected, rel=0.02)
        assert np.nanstd(inside) < 0.0008
        assert np.nanmedian(estimate.quality) > 0.98
        assert estimate.strain.window_m == pytest.approx(2.0e-3, rel=0.02)


def test_the_band_pass_keeps_the_motion_and_drops_the_noise(render, geometry, cpu) -> None:
    pair = render(lambda z, x: (-0.01 * z, 0 * x), snr_db=6)
    stack = RFSequence.from_array(np.stack([pair.reference, pair.deformed]), geometry)
    settings = [Settings(method="ncc", preparation=Preparation(band_pass=on)) for on in (False, True)]
    noisy, filtered = (next(run(stack, entry, cpu)) for entry in settings)
    assert np.nanmedian(filtered.quality) > np.nanmedian(noisy.quality) + 0.05
    assert np.nanmedian(filtered.strain.axial[60:-60]) == pytest.approx(-0.01, rel=0.05)


@pytest.mark.parametrize("value", [0.0, 7.0])
@pytest.mark.parametrize("method", ["ncc", "am2d", "glue", "usenet"])
def test_a_frame_without_echoes_has_no_estimate_and_the_others_have(render, geometry, cpu, method, value) -> None:
    pair = render(lambda z, x: (-0.01 * z, 0 * x), rows=160, lines=12)
    blank = np.full_like(pair.deformed, value)
    sequence = RFSequence.from_array(np.stack([pair.reference, blank, pair.deformed]), geometry)
    first, second = run(sequence, Settings(method=method), cpu)
    for values in (first.displacement.axial_m, first.displacement.lateral_m, first.strain.axial):
        assert np.isnan(values).all()
    assert not first.quality.any()
    assert np.isfinite(second.strain.axial).mean() > 0.8


@pytest.mark.parametrize(
    ("rows", "window_m", "words"),
    [(52, 2e-3, "1 mm deep, less than the window of ncc, 2 mm"), (52, 0.8e-3, ""), (300, 2e-3, "")],
)
def test_frames_that_hold_no_whole_window_are_warned_of(geometry, rows, window_m, words) -> None:
    sequence = RFSequence.from_array(np.zeros((2, rows, 8), np.float32), geometry)
    parameters = ESTIMATORS.get("ncc").Params(window_m=window_m)
    strain = STRAIN_METHODS.get("least-squares").Params(window_m=0.5e-3)
    warning = depth_warning(sequence, Settings("ncc", parameters, strain_parameters=strain))
    assert words in warning
    assert bool(words) == bool(warning)


def test_steps_that_there_are_none_of_are_warned_of() -> None:
    fixed, added = (
        Settings("ncc", preparation=Preparation(inverse_consistent=True, pairing=pairing))
        for pairing in ("fixed", "sliding added up")
    )
    assert "change nothing" in unused_warning(fixed)
    assert unused_warning(added) == unused_warning(Settings("ncc")) == ""


def test_steps_that_a_method_of_the_whole_recording_takes_alone_are_warned_of() -> None:
    sliding, added = (Preparation(pairing=pairing) for pairing in ("sliding", "sliding added up"))
    assert "glue-stack takes steps that are added up" in unused_warning(Settings("glue-stack", preparation=added))
    assert unused_warning(Settings("glue-stack", preparation=sliding)) == ""
    assert unused_warning(Settings("glue-stack")) == unused_warning(Settings("glue", preparation=added)) == ""


def test_pairs_of_several_references_are_one_batch_of_each_pair_s_own(levels, cpu) -> None:
    pairs = Pairs(levels, PLAIN, {2: 1, 3: 1, 5: 4}, lambda: False)
    shared, mixed = pairs.batch([2, 3], cpu), pairs.batch([2, 5], cpu)
    assert (len(shared.reference), len(mixed.reference)) == (1, 2)
    for place, frame in enumerate((2, 5)):
        pair = pairs.of(frame)
        np.testing.assert_array_equal(mixed.reference[place].numpy(), pair.reference)
        np.testing.assert_array_equal(mixed.deformed[place].numpy(), pair.deformed)


def order_of(sequence: RFSequence, cpu: object, shown: Callable[[], int], **choices: object) -> list[int]:
    begun: list[int] = []
    settings = Settings(method="probe", preparation=choices.pop("preparation", PLAIN), **choices)  # type: ignore[arg-type]
    found = run(sequence, settings, cpu, shown=shown, began=begun.append)  # type: ignore[arg-type]
    numbers = [estimate.deformed_frame for estimate in found]
    assert set(numbers) <= set(begun)
    return numbers


def test_the_shown_frame_comes_first_then_its_neighbours(levels, probe, cpu) -> None:
    assert order_of(levels, cpu, lambda: 4) == [4, 3, 5, 2, 1]
    assert order_of(levels, cpu, lambda: 4, frames=(1, 3, 5)) == [3, 5, 1]
    assert order_of(levels, cpu, lambda: 3, preparation=replace(PLAIN, pairing="sliding")) == [3, 2, 4, 1, 5]
    places = iter([1, 1, 5, 5, 5])
    assert order_of(levels, cpu, lambda: next(places)) == [1, 2, 5, 4, 3]  # whoever goes elsewhere is followed


def test_recurrent_methods_go_through_the_side_of_the_shown_frame_first(levels, probe, cpu) -> None:
    probe.recurrent = True
    assert order_of(levels, cpu, lambda: 1, reference=3) == [2, 1, 0, 4, 5]
    assert order_of(levels, cpu, lambda: 5, reference=3, frames=(1, 5)) == [5, 1]


def test_strain_is_read_in_the_window_of_the_method_unless_another_is_given() -> None:
    windows = {"ncc": 2e-3, "glue": 1e-3, "glue-stack": 1e-3}
    for method, window_m in windows.items():
        assert Settings(method).resolved().strain_parameters.window_m == window_m
        assert Settings(method).in_equal_window().strain_parameters.window_m == 2e-3
        given = Settings(method, strain_parameters=STRAIN_METHODS.get("least-squares").Params(window_m=3e-3))
        assert given.resolved() == given.in_equal_window()
        assert given.resolved().strain_parameters.window_m == 3e-3
    kalman = settings_of("glue", strain_method="kalman", strain={"smoothing": 2}).strain_parameters
    assert (kalman.window_m, kalman.weighted, kalman.smoothing) == (1e-3, True, 2.0)
