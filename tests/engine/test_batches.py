"""Frames that go through the chain together: the same results, no word from the device, and memory that runs out."""

import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch

from engine.device import frames_at_once
from engine.networks import weights
from engine.on_device import PairBatch
from engine.pipeline import Preparation, Settings, run
from engine.preprocess import alignment
from engine.types import FrameEstimate, RFSequence
from tests.benchmarks.benchmark_gpu import counted

FRAMES = 5


@pytest.fixture(scope="module")
def recording(render, geometry) -> RFSequence:
    """Growing compression, the last frame of other tissue."""
    pairs = [render(lambda z, x, e=e: (-e * z, 0.3 * e * x), rows=240, lines=20) for e in (0.004, 0.008, 0.012, 0.016)]
    stranger = render(lambda z, x: (0 * z, 0 * x), rows=240, lines=20, seed=5)
    frames = [pairs[0].reference, *(pair.deformed for pair in pairs), stranger.reference]
    return RFSequence.from_array(np.stack(frames), geometry)


def estimates(recording: RFSequence, method: str, batch: int, **choices: Any) -> list[FrameEstimate]:
    return list(run(recording, Settings(method, **choices), torch.device("cpu"), batch=batch))


@pytest.fixture(scope="module")
def alone(recording) -> Callable[[str], list[FrameEstimate]]:
    """Function `alone(method)`: the estimates of frames that go one by one."""
    return lru_cache(lambda method: estimates(recording, method, 1))


def assert_same(found: list[FrameEstimate], wanted: list[FrameEstimate]) -> None:
    assert [entry.deformed_frame for entry in found] == [entry.deformed_frame for entry in wanted]
    for one, other in zip(found, wanted, strict=True):
        valid = np.isfinite(other.strain.axial)  # what is found between strangers hangs on the last digit
        reports = [dict(entry.displacement.report) for entry in (one, other)]
        inner = [report.pop("inner_iterations", 0.0) for report in reports]  # ends sooner or later by rounding
        assert not valid.any() or reports[0] == pytest.approx(reports[1], abs=2e-3)
        assert not valid.any() or inner[0] == pytest.approx(inner[1], rel=0.1)
        for first, second, tolerance in (
            (one.displacement.axial_samples, other.displacement.axial_samples, 1e-4),
            (one.displacement.lateral_lines, other.displacement.lateral_lines, 3e-4),  # weakly held: rounding shows
            (one.strain.axial, other.strain.axial, 1e-5),
            (one.quality[valid], other.quality[valid], 1e-5),
            (one.sigma.axial_strain, other.sigma.axial_strain, 1e-5),  # type: ignore[union-attr]
        ):
            np.testing.assert_allclose(first, second, atol=tolerance)


@pytest.mark.parametrize("method", ["ncc", "usenet", "musse-net", "glue", "glue-stack"])
def test_frames_together_have_the_results_that_they_have_alone(recording, alone, method) -> None:
    wanted = alone(method)
    assert np.isfinite(wanted[1].strain.axial).mean() > 0.8
    assert not np.isfinite(wanted[-1].strain.axial).any()
    assert_same(estimates(recording, method, FRAMES), wanted)


@pytest.mark.parametrize("method", ["ncc", "glue", "usse-net", "gluenet"])
def test_pairs_of_several_references_go_together_too(recording, method) -> None:
    choices = {"preparation": Preparation(pairing="0-2, 1-3, 3-4"), "frames": (2, 3, 4)}
    wanted = [estimates(recording, method, 1, **{**choices, "frames": (frame,)})[0] for frame in (2, 3, 4)]
    assert np.isfinite(wanted[-1].strain.axial).mean() > 0.8
    assert_same(estimates(recording, method, 3, **choices), wanted)


@pytest.mark.parametrize("method", ["ncc", "usse-net", "glue"])
def test_nothing_is_asked_of_the_device(recording, method, monkeypatch) -> None:
    """Launches grow by few with each batch; waits would stop a GPU."""
    monkeypatch.setattr("engine.numerics.host.HOSTS", set())
    operations, _ = counted(lambda: estimates(recording, method, FRAMES))
    assert not operations.waits


def test_a_batch_that_does_not_fit_is_halved_and_so_are_those_after_it(recording, alone, monkeypatch) -> None:
    sizes: list[int] = []
    whole = alignment.bulk_motions

    def scarce(batch: PairBatch) -> Any:
        sizes.append(len(batch.deformed))
        if len(batch.deformed) > 2:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return whole(batch)

    wanted = alone("usse-net")
    monkeypatch.setattr("engine.pipeline.bulk_motions", scarce)
    assert_same(estimates(recording, "usse-net", 4), wanted)
    assert sizes == [4, 2, 2, 1]


def test_a_frame_that_does_not_fit_alone_and_other_errors_are_raised(recording, monkeypatch) -> None:
    def broken(batch: PairBatch) -> Any:
        raise RuntimeError(words)

    monkeypatch.setattr("engine.pipeline.bulk_motions", broken)
    for words, batch in (("can't allocate memory", 1), ("shapes differ", 4)):
        with pytest.raises(RuntimeError, match=words):
            estimates(recording, "ncc", batch)


def test_a_cpu_takes_one_frame_at_a_time_so_that_the_shown_one_is_soon_there(recording) -> None:
    assert frames_at_once((2048, 128), torch.device("cpu")) == 1
    begun: list[int] = []
    settings = Settings("ncc", preparation=Preparation(prealign=False))
    stream = run(recording, settings, began=begun.append, shown=lambda: 1)
    next(stream)
    assert begun == [1]


@pytest.fixture
def two_threads() -> Iterator[None]:
    own = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(own)


@pytest.fixture
def threads(monkeypatch) -> list[tuple[int, int]]:
    """Threads that aligned frames, and how many each had of torch's."""
    found: list[tuple[int, int]] = []
    whole = alignment.bulk_motions

    def noted(batch: PairBatch) -> Any:
        found.append((threading.get_ident(), torch.get_num_threads()))
        return whole(batch)

    monkeypatch.setattr("engine.pipeline.bulk_motions", noted)
    return found


@pytest.mark.parametrize("method", ["ncc", "glue-stack", "usenet"])
def test_frames_side_by_side_have_the_results_that_they_have_alone(recording, method, two_threads, threads) -> None:
    wanted = estimates(recording, method, 1)
    threads.clear()
    assert_same(list(run(recording, Settings(method), torch.device("cpu"))), wanted)
    assert {share for _, share in threads} == {1}
    assert torch.get_num_threads() == 2


def test_a_memory_and_a_single_frame_have_all_threads(recording, two_threads, threads) -> None:
    assert list(run(recording, Settings("usse-net", frames=(1, 2)), torch.device("cpu")))
    assert list(run(recording, Settings("ncc", frames=(1,)), torch.device("cpu")))
    assert threads == 3 * [(threading.get_ident(), 2)]


def test_the_shown_frame_has_all_threads_and_comes_at_once_and_others_go_side_by_side(
    recording, two_threads, threads
) -> None:
    places = iter([3, 3, 3, 3])  # who looks at frame 3 goes on to frame 5 while the others are on their way
    found = [
        entry.deformed_frame
        for entry in run(recording, Settings("ncc"), torch.device("cpu"), shown=lambda: next(places, 5))
    ]
    assert found[0] == 3
    assert sorted(found) == [1, 2, 3, 4, 5]
    assert threads.count((threading.get_ident(), 2)) == 2
    assert [share for _, share in threads].count(1) == 3
    assert found.index(5) < 3


def test_the_second_look_at_a_whole_recording_follows_who_looks_too(recording) -> None:
    looked_at, found = [2], []
    settings, device = Settings("glue-stack"), torch.device("cpu")
    for entry in run(recording, settings, device, shown=lambda: looked_at[-1], provisional=True):
        found.append((entry.deformed_frame, entry.provisional))
        looked_at.append(4)
    assert found[0] == (2, True)
    assert next(frame for frame, provisional in found if not provisional) == 4
    assert sorted(found) == [(frame, provisional) for frame in range(1, 6) for provisional in (False, True)]


def test_frames_that_do_not_fit_side_by_side_go_alone(recording, two_threads, monkeypatch) -> None:
    whole, failed = alignment.bulk_motions, []

    def scarce(batch: PairBatch) -> Any:
        if threading.current_thread() is not threading.main_thread():
            failed.append(batch)
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return whole(batch)

    wanted = estimates(recording, "ncc", 1)
    monkeypatch.setattr("engine.pipeline.bulk_motions", scarce)
    assert_same(list(run(recording, Settings("ncc"), torch.device("cpu"))), wanted)
    assert 1 <= len(failed) < FRAMES


def test_a_shown_frame_that_does_not_fit_beside_others_waits_for_them(recording, two_threads, monkeypatch) -> None:
    whole, failed, places = alignment.bulk_motions, list[int](), iter([1, 1])

    def scarce(batch: PairBatch) -> Any:
        if threading.current_thread() is threading.main_thread() and torch.get_num_threads() == 2:
            failed.append(len(failed))
            if len(failed) == 2:
                raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return whole(batch)

    monkeypatch.setattr("engine.pipeline.bulk_motions", scarce)
    found = list(run(recording, Settings("ncc"), torch.device("cpu"), shown=lambda: next(places, 4)))
    assert sorted(entry.deformed_frame for entry in found) == [1, 2, 3, 4, 5]
    assert len(failed) > 2  # tried again, with room


def test_weights_are_loaded_once_as_long_as_they_stay_the_same() -> None:
    device = torch.device("cpu")
    assert weights.shared("usse-net", device)[0] is weights.shared("usse-net", device)[0]
    assert weights.load("usse-net")[0] is not weights.load("usse-net")[0]
