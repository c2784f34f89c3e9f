"""Means over frames leave out the poor ones, and the values that are missing."""

import math

import pytest

from engine.export.over_frames import over_frames
from engine.metrics.base import Measurement


def test_only_frames_worth_keeping_count() -> None:
    values = {1: 1.0, 2: 50.0, 3: 3.0}
    rows = {at: {"cnr": Measurement("cnr", value)} for at, value in values.items()}
    rows[4] = {"cnr": Measurement("cnr", math.nan, reason="too_few")}
    found = over_frames(rows, (1, 3, 4))["cnr"]
    assert (found.mean, found.frames) == (2.0, (1, 3))
    assert found.deviation == pytest.approx(math.sqrt(2))
    assert math.isnan(over_frames(rows, (1,))["cnr"].deviation)
    assert over_frames(rows, ()) == {}
