"""Evaluation measures what it says: zero for the truth, the known error for a known error, never without the oracle."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import torch

from app.cli import main
from engine.errors import ParameterError, ReadError
from engine.evaluation.evaluate import ORACLE, Evaluation, evaluate, mean_interval, table
from engine.evaluation.plot import plot_evaluation
from engine.evaluation.sets import FIRST_SEED, SETS, EvaluationCase, case, evaluation_set, tuning_set
from engine.evaluation.trade_off import plot_trade_off, trade_off
from engine.metrics.base import metrics_shown
from engine.pipeline import Settings
from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.sequences import FrameLoad
from engine.simulation.write import write_recording
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, RFSequence

CPU = torch.device("cpu")
PLAN = Plan(
    Phantom(40e-3, 30e-3, (30e3,), (Inclusion(Ellipse(-2.5e-3, 6.5e-3, 2.5e-3, 2.5e-3), 10e3),)),
    Geometry(40e6, 5e6, 1540.0, 0.3e-3),
    (704, 48),
    (FrameLoad(0.01), FrameLoad(0.02)),
)


@pytest.fixture(scope="module")
def lesion() -> EvaluationCase:
    return case("lesion", simulate(PLAN, 1).sequence(), (0.01, 0.02))


@pytest.fixture(scope="module")
def evaluation(lesion: EvaluationCase) -> Evaluation:
    def biased(sequence: RFSequence) -> Iterator[FrameEstimate]:
        """Report the truth plus 3 micrometres everywhere, and nothing in the right half."""
        assert sequence.truth is not None
        method = STRAIN_METHODS.get("least-squares")
        for frame in (1, 2):
            truth = sequence.truth.read_frame(frame)
            axial = truth.axial_displacement_m + np.float32(3e-6)
            axial[:, 24:] = np.nan
            found = Displacement(axial, truth.lateral_displacement_m, sequence.geometry)
            strain = method.strain(found, None, method.Params(), CPU)
            yield FrameEstimate(0, frame, found, strain, np.ones_like(axial))

    return evaluate([lesion], [Settings("ncc")], CPU, {"biased": biased})


def test_oracle_has_no_displacement_error_and_the_blur_of_the_filter(evaluation: Evaluation) -> None:
    assert evaluation.methods == ("ncc", "biased", ORACLE)
    assert evaluation.summary(ORACLE, "displacement_rmse_um").mean == 0
    blur = evaluation.summary(ORACLE, "strain_rmse_percent").mean
    assert 0 < blur < evaluation.summary("ncc", "strain_rmse_percent").mean < 0.5
    assert math.isnan(evaluation.summary(ORACLE, "seconds").mean)


def test_known_error_is_measured_and_holes_show_as_coverage(evaluation: Evaluation) -> None:
    found = evaluation.summary("biased", "displacement_rmse_um")
    assert (found.mean, found.deviation, found.count) == (pytest.approx(3.0, rel=1e-3), pytest.approx(0, abs=1e-3), 2)
    assert evaluation.summary("biased", "displacement_rmse_samples").mean == pytest.approx(3 / 19.25, rel=1e-3)
    assert evaluation.summary("biased", "coverage_percent").mean == pytest.approx(50.0, abs=2.0)
    assert evaluation.summary(ORACLE, "coverage_percent").mean == 100.0


def test_correlation_tracks_a_clean_recording(evaluation: Evaluation) -> None:
    assert evaluation.summary("ncc", "displacement_rmse_samples").mean < 0.05
    assert evaluation.summary("ncc", "cnr").mean > 5
    assert 0 < evaluation.summary("ncc", "edge_width_mm").mean < 3
    assert 0.5 < evaluation.summary("ncc", "mssim").mean < evaluation.summary(ORACLE, "mssim").mean <= 1
    assert 0.85 < evaluation.summary("ncc", "dice").mean < evaluation.summary(ORACLE, "dice").mean <= 1
    distance, least = (evaluation.summary(name, "boundary_distance_mm").mean for name in ("ncc", ORACLE))
    assert 0 < least < distance < 1
    assert evaluation.summary("ncc", "seconds").count == 2


def test_table_has_every_level_and_metric(evaluation: Evaluation) -> None:
    numbers = table(evaluation)
    assert list(numbers["ncc"]) == ["1", "2", "all"]
    assert list(numbers["ncc"]["all"]) == [metric.name for metric in metrics_shown("evaluation")]
    assert numbers["ncc"]["1"]["snre"].count == 1
    assert evaluation.strain_window_m == pytest.approx(2e-3, abs=0.02e-3)
    assert evaluation.cases[0].target is not None


def test_levels_of_files_come_from_the_truth(lesion: EvaluationCase) -> None:
    found = evaluate([replace(lesion, levels=())], [Settings("ncc", frames=(2,))], CPU)
    assert found.levels == (0.01, 0.02)


def test_plot_is_the_same_file_twice(evaluation: Evaluation, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        plot_evaluation(evaluation, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with pytest.raises(ParameterError, match="a plot is one of"):
        plot_evaluation(evaluation, tmp_path / "one.txt")


def test_sets_use_seeds_that_training_never_does() -> None:
    assert all(entry.seed >= FIRST_SEED for entry in SETS.values())
    assert len(evaluation_set("tehrani-rivaz-test")) == 36
    with pytest.raises(ParameterError, match="no evaluation set is called"):
        evaluation_set("nix")


def test_a_set_to_tune_on_has_a_seed_of_training() -> None:
    assert tuning_set("non-proportional", 3).seed == 3
    assert len(tuning_set("non-proportional", 3)) == len(evaluation_set("non-proportional")) == 10
    with pytest.raises(ParameterError, match="a seed to tune on lies from 0 to 999999, found 1000000"):
        tuning_set("small-noisy", FIRST_SEED)


def test_a_set_is_made_on_the_fly() -> None:
    first = next(evaluation_set("small-noisy").cases())
    assert first.sequence.shape == (5, 1024, 64)
    assert first.levels == (0.005, 0.015, 0.03, 0.045)
    assert first.target is not None


def test_a_recording_without_truth_is_refused(lesion: EvaluationCase) -> None:
    with pytest.raises(ReadError, match="holds no truth"):
        case("rf.h5", replace(lesion.sequence, truth=None))


def test_nothing_to_evaluate_is_one_line(lesion: EvaluationCase) -> None:
    with pytest.raises(ParameterError, match="no method"):
        evaluate([lesion], [], CPU)


def test_command_prints_json_and_writes_the_plot(
    lesion: EvaluationCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recording(tmp_path / "lesion.h5", lesion.sequence)
    options = ["--method", "ncc", "--device", "cpu", "--set", "strain.window_m=0.003", "--json"]
    assert main(["evaluate", str(tmp_path / "lesion.h5"), *options, "--plot", str(tmp_path / "plot.svg")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["strain_window_mm"] == pytest.approx(3.0, abs=0.02)
    assert printed["methods"]["oracle"]["all"]["displacement_rmse_um"]["mean"] == 0
    assert printed["methods"]["oracle"]["all"]["seconds"]["mean"] is None
    assert printed["recordings"][0]["target"]["semi_axial_m"] == pytest.approx(0.7 * 2.5e-3, rel=0.02)
    assert (tmp_path / "plot.svg").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either recordings or one set"),
        (["--set", "nix"], "no evaluation set is called 'nix'"),
        (["--set", "small-noisy", "--plot", "x.txt"], "a plot is one of"),
        (["--set", "small-noisy", "--method", "nix"], "no method is called 'nix'"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_simulate_command_writes_what_its_seed_says(
    tmp_path: Path, printed: Callable[[str], dict[str, list[str]]]
) -> None:
    for folder in ("one", "two"):
        arguments = ["simulate", "-o", str(tmp_path / folder), "--protocol", "small-noisy", "--seed", "7", "--json"]
        assert main(arguments) == 0
        assert printed("simulate")["files"] == [str(tmp_path / folder / "small-noisy-001-01.h5")]
    files = [tmp_path / folder / "small-noisy-001-01.h5" for folder in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert main(["simulate", "--protocol", "nix"]) == 2


def test_intervals_are_over_recordings() -> None:
    low, high = mean_interval([[1.0, 1.2, 1.1]] * 2 + [[3.0]])
    assert 1.0 < low < fmean([1.1] * 6 + [3.0]) < high <= 3.0
    assert all(math.isnan(end) for end in mean_interval([[1.0, 2.0]]))


def test_larger_windows_trade_error_for_width(lesion: EvaluationCase, tmp_path: Path) -> None:
    points = trade_off([lesion], [Settings("ncc")], CPU, (0.5e-3, 2e-3))
    assert [(point.method, point.level, point.window_m) for point in points if point.level == 0.02] == [
        ("ncc", 0.02, 0.5e-3),
        ("ncc", 0.02, 2e-3),
        (ORACLE, 0.02, 0.5e-3),
        (ORACLE, 0.02, 2e-3),
    ]
    for method in ("ncc", ORACLE):
        sharp, smooth = (point for point in points if point.method == method and point.level == 0.02)
        assert sharp.edge_width_mm < smooth.edge_width_mm
        assert method != ORACLE or sharp.error_percent < smooth.error_percent
    plot_trade_off(points, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000
    with pytest.raises(ParameterError, match="nothing to draw"):
        plot_trade_off([], tmp_path / "curves.png")


def test_command_prints_trade_off_and_intervals(
    lesion: EvaluationCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recording(tmp_path / "lesion.h5", lesion.sequence)
    call = ["evaluate", str(tmp_path / "lesion.h5"), "--method", "ncc", "--device", "cpu"]
    assert main([*call, "--trade-off"]) == 0
    printed = capsys.readouterr().out
    assert "0.75" in printed
    assert "oracle" in printed
    assert main([*call, "--intervals"]) == 0
    printed = capsys.readouterr().out
    assert "Dice" in printed
    assert "95 % interval over recordings" in printed
    assert main([*call, "--trade-off", "--calibration"]) == 2
