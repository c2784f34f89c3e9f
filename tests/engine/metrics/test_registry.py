"""A metric is one file: what it registers is found in every table, text and evaluation."""

from dataclasses import replace

import numpy as np
import pytest

from engine.evaluation.measure import measure as evaluate_frame
from engine.evaluation.sets import EvaluationCase
from engine.export.table import MetricTable, measure_strain
from engine.figures.content import StrainPanel
from engine.figures.words import measured_names
from engine.metrics.base import METRICS, Finding, Metric, MetricInput, measure, metrics_shown, register
from engine.metrics.contrast import region_metrics
from engine.types import Displacement, Ellipse, FrameEstimate, FrameTruth, Geometry, Provenance, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
TARGET = Ellipse(0.0, 9e-3, 3e-3, 3e-3)
STRAIN = Strain(np.full((900, 80), -0.01, np.float32), GEOMETRY, 2e-3)
PROVENANCE = Provenance("ncc", {}, "", "0.1.0", "ab" * 32)


def lowest(source: MetricInput) -> Finding:
    assert source.strain is not None
    return Finding(float(np.nanmin(-100 * source.strain)), source.strain.size, sigma=0.1, warning="made up")


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Metric:
    METRICS.discover()
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))
    words = "The least compression of the map"
    return register(Metric("lowest", "Lowest", "Lowest strain", words, lowest, ("strain",), "%", "higher"))


def test_every_module_registers_without_failure() -> None:
    assert METRICS.failures() == {}
    shown = metrics_shown()
    assert len({entry.order for entry in shown}) == len(shown) == len(METRICS.names())
    for entry in shown:
        assert METRICS.get(entry.name) is entry
        assert all((entry.short, entry.title, entry.help))
        assert not entry.help.endswith(".")


def test_a_new_metric_is_in_the_table_the_figure_and_the_evaluation(added: Metric) -> None:
    row = measure_strain(STRAIN, 0, 1, TARGET, None)
    assert row.metrics["lowest"].value == pytest.approx(1.0)
    assert (row.metrics["lowest"].unit, row.metrics["lowest"].sigma) == ("%", 0.1)
    assert "lowest_percent" in MetricTable([row], PROVENANCE).text()
    panel = StrainPanel("x", STRAIN.axial, region_metrics(STRAIN.axial, GEOMETRY, TARGET, None))
    assert "lowest" in measured_names([panel])
    zero = np.zeros(STRAIN.axial.shape, np.float32)
    truth = FrameTruth(zero, zero, STRAIN.axial)
    case = EvaluationCase("only its regions count", None, None, None, None)
    estimate = FrameEstimate(0, 1, Displacement(zero, zero, GEOMETRY), STRAIN, zero + 1)
    found = evaluate_frame(case, truth, estimate, 0.5)
    assert found["lowest"] == pytest.approx(1.0)
    assert found["strain_rmse_percent"] == 0.0


def test_a_metric_that_lacks_a_region_says_so_and_one_that_lacks_more_is_left_out(added: Metric) -> None:
    found = measure(MetricInput(GEOMETRY, STRAIN.axial))
    assert found["cnr"].reason == "not_drawn"
    assert found["eb_area_ratio"].reason == "not_drawn"
    assert measure(MetricInput(GEOMETRY, target=TARGET))["eb_area_ratio"].reason == "no_outline"
    assert not {"mssim", "modulus_ratio", "seconds"} & set(found)
    assert "edge_width_mm" not in measure(MetricInput(GEOMETRY, STRAIN.axial), slow=False)


def test_units_are_part_of_a_column_once(added: Metric) -> None:
    assert added.column == "lowest_percent"
    assert replace(added, name="lowest_percent").column == "lowest_percent"
    assert METRICS.get("seconds").column == "seconds"
    assert METRICS.get("lateral_rmse_um").column == "lateral_rmse_um"
