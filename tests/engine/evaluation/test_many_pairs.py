"""The GLUENet paper's protocols, on strain maps whose failures are known."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from app.cli import main
from engine.errors import ParameterError
from engine.evaluation.papers.many_pairs import Recording, compare_many_pairs, judged, plot_many_pairs, summarise
from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.sequences import FrameLoad
from engine.simulation.write import write_recording
from engine.types import Ellipse, Geometry

LESION = Ellipse(0.0, 10e-3, 4e-3, 4e-3)
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (1040, 96)


@pytest.fixture(scope="module")
def recording() -> Recording:
    phantom = Phantom(50e-3, 40e-3, (30e3,), (Inclusion(LESION, 10e3),))
    made = simulate(Plan(phantom, GEOMETRY, SHAPE, (FrameLoad(0.01),)), 1, torch.device("cpu"))
    return Recording("lesion", made.sequence(), LESION)


def strain_map(noise: float = 0.0) -> np.ndarray:
    depths, laterals = np.meshgrid(GEOMETRY.depths_m(SHAPE[0]), GEOMETRY.laterals_m(SHAPE[1]), indexing="ij")
    inside = np.hypot(laterals - LESION.lateral_m, depths - LESION.depth_m) < LESION.semi_axial_m
    random = np.random.default_rng(5).normal(0.0, 1.0, SHAPE)
    return (np.where(inside, -0.02, -0.01) + (1e-4 + noise) * random).astype(np.float32)


def test_half_fails_when_half_is_noise(recording):
    noise = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    results = judged({("perfect", 1): strain_map(), ("noise", 1): noise}, recording)
    assert [entry.is_reference for entry in results] == [True, False]
    summaries = summarise(results)
    assert (summaries["perfect"].failure_rate_percent, summaries["noise"].failure_rate_percent) == (0.0, 100.0)
    together = summarise([type(entry)(**{**vars(entry), "method": "both"}) for entry in results])
    assert together["both"].failure_rate_percent == 50.0


def test_an_inverted_map_fails_and_other_compression_does_not(recording):
    good = strain_map()
    results = judged(
        {("good", 1): good, ("inverted", 1): -strain_map(5e-4), ("twice", 1): 2 * strain_map(1e-3)}, recording
    )
    failed = {method: summary.failed for method, summary in summarise(results).items()}
    assert failed == {"good": 0, "inverted": 1, "twice": 0}


def test_a_map_without_any_estimate_has_failed_and_does_not_help_an_inverted_one(recording):
    """The inverted map is the cleanest, so CNR alone would take it for the best."""
    maps = {("good", 1): strain_map(1e-3), ("more", 1): strain_map(2e-3), ("inverted", 1): -strain_map()}
    results = judged({**maps, ("nothing", 1): np.full(SHAPE, np.nan, np.float32)}, recording)
    failed = {method: summary.failed for method, summary in summarise(results).items()}
    assert failed == {"good": 0, "more": 0, "inverted": 1, "nothing": 1}


def test_each_map_gives_120_values_of_cnr(recording, tmp_path: Path):
    results = judged({("a", 1): strain_map(), ("b", 1): strain_map(3e-3)}, recording)
    summaries = summarise(results)
    assert [summary.cnr_values for summary in summaries.values()] == [120, 120]
    assert summaries["a"].cnr_mean > 3 * summaries["b"].cnr_mean
    plot_many_pairs(results, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_a_lesion_without_room_beside_it_is_refused(recording):
    wide = Recording("wide", recording.sequence, Ellipse(0.0, 10e-3, 14e-3, 4e-3))
    with pytest.raises(ParameterError, match="no place for windows"):
        judged({("a", 1): strain_map()}, wide)


def test_nothing_to_compare_is_one_line(recording, cpu):
    with pytest.raises(ParameterError, match="no method"):
        compare_many_pairs([recording], [], cpu)


def test_the_command_compares_methods_on_a_file(recording, tmp_path: Path, capsys):
    path = tmp_path / "lesion.h5"
    write_recording(path, recording.sequence)
    arguments = ["compare-pairs", str(path), "--method", "ncc", "--lesion", "0,10,4,4", "--json"]
    arguments += ["--method", "ncc:prepare.prealign=false"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["methods"]["ncc"]["failed"] == 0
    assert list(report["methods"]) == ["ncc", "ncc:prepare.prealign=false"]
    assert len(report["pairs"][0]["cnr"]) == 120
