"""Halves of a recording: what all frames share agrees and predicts, what a frame alone has does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.cli import main
from engine.errors import ParameterError
from engine.estimators.base import ESTIMATORS, PairwiseEstimator
from engine.evaluation.agreement import agreement
from engine.parameters import Parameters
from engine.pipeline import Settings
from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.sequences import FrameLoad
from engine.simulation.write import write_recording
from engine.types import Displacement, Ellipse, FramePair, Geometry, RFSequence

CPU = torch.device("cpu")
PLAN = Plan(
    Phantom(40e-3, 30e-3, (30e3,), (Inclusion(Ellipse(0, 4e-3, 1.5e-3, 1.5e-3), 10e3),)),
    Geometry(40e6, 5e6, 1540.0, 0.3e-3),
    (420, 32),
    tuple(FrameLoad(strain) for strain in (0.004, 0.006, 0.008, 0.010)),
)


@pytest.fixture(scope="module")
def recording() -> RFSequence:
    return simulate(PLAN, 1).sequence()


class Known(PairwiseEstimator[Parameters]):
    """The truth of the frame with the nearest motion, and noise that grows with `noise`."""

    name, title, Params = "known", "Known", Parameters

    def __init__(self, recording: RFSequence, noise: float) -> None:
        assert recording.truth is not None
        self.recording, self.noise = recording, noise
        self.truths = [recording.truth.read_frame(frame) for frame in range(1, 5)]
        self.random = np.random.default_rng(0)

    def displacement(self, pair: FramePair, params: Parameters, device: torch.device) -> Displacement:
        errors = [np.abs(pair.deformed - self._like(pair, frame)).sum() for frame in range(1, 5)]
        truth = self.truths[int(np.argmin(errors))]
        noise = self.noise * self.random.standard_normal(pair.reference.shape).astype(np.float32)
        return Displacement(truth.axial_displacement_m + noise, truth.lateral_displacement_m, pair.geometry)

    def _like(self, pair: FramePair, frame: int) -> np.ndarray:
        found = self.recording.frame(frame)
        return found * (np.linalg.norm(pair.deformed) / np.linalg.norm(found))


@pytest.fixture
def known(recording: RFSequence, monkeypatch: pytest.MonkeyPatch) -> Known:
    ESTIMATORS.discover()
    entry = Known(recording, 0.0)
    monkeypatch.setitem(ESTIMATORS._entries, "known", entry)
    monkeypatch.setattr("engine.reliability.sigma._kin", lambda method: "ncc")
    return entry


def test_the_truth_of_a_proportional_recording_agrees_and_predicts(recording: RFSequence, known: Known) -> None:
    exact = agreement(recording, Settings("known"), CPU)
    assert exact.halves > 0.999
    assert len(exact.predicted) == 4
    assert min(exact.predicted) > 0.98
    known.noise = 6e-6
    noisy = agreement(recording, Settings("known"), CPU)
    assert noisy.halves < 0.9
    assert all(found < best for found, best in zip(noisy.predicted, exact.predicted, strict=True))


def test_three_frames_have_no_halves(recording: RFSequence, known: Known) -> None:
    short = RFSequence.from_array(np.stack([recording.frame(frame) for frame in range(4)]), recording.geometry)
    with pytest.raises(ParameterError, match="halves need at least 4 frames besides the reference"):
        agreement(short, Settings("known"), CPU)


def test_command_prints_a_line_a_method_or_json(
    recording: RFSequence,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    printed: Callable[[str], dict[str, Any]],
) -> None:
    write_recording(tmp_path / "arm.h5", recording, with_truth=False)
    call = ["agreement", str(tmp_path / "arm.h5"), "--method", "ncc", "--device", "cpu"]
    assert main(call) == 0
    said = capsys.readouterr().out
    assert main([*call, "--json"]) == 0
    (found,) = printed("agreement")["methods"]
    assert "Halves agree" in said
    assert f"{found['halves']:.3f}" in said
