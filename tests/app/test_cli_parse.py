import math
from pathlib import Path

import numpy as np
import pytest

from app.commands._output import plain
from app.commands._parse import parse_ellipse, parse_frames, parse_limits, parse_methods, parse_settings
from engine.errors import ParameterError
from engine.metrics.base import Measurement
from engine.types import Ellipse


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("3", (3,)),
        ("-1", (9,)),
        ("1:4", (1, 2, 3)),
        (":", tuple(range(10))),
        ("7:99", (7, 8, 9)),
        ("::4", (0, 4, 8)),
        ("1,4,7", (1, 4, 7)),
        ("7,1:3,1", (1, 2, 7)),
        (" 2 , 5 ", (2, 5)),
    ],
)
def test_frames_are_python_slices_and_numbers(text: str, frames: tuple[int, ...]) -> None:
    assert parse_frames(text, 10) == frames


@pytest.mark.parametrize("text", ["", "x", "1:2:3:4", "10", "-11", "::0", "5:2", "1,,2", "1.5"])
def test_other_frames_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="--frames"):
        parse_frames(text, 10)


def test_ellipses_are_in_mm_and_degrees() -> None:
    assert parse_ellipse("-2,15,3,4", "--target") == Ellipse(-2e-3, 15e-3, 3e-3, 4e-3)
    assert parse_ellipse("1,2,3,4,30", "--target") == Ellipse(1e-3, 2e-3, 3e-3, 4e-3, 30.0)
    assert parse_ellipse(None, "--target") is None


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5,6", "1,2,3,x", "1,2,0,4", "1,2,3,-4", "nan,2,3,4", "inf,2,3,4"]
)
def test_other_ellipses_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="--background"):
        parse_ellipse(text, "--background")


def test_settings_are_grouped_by_prefix() -> None:
    found = parse_settings(["a=1", "prepare.b = 2", "strain.c=x=y"])
    assert found == {"method": {"a": "1"}, "prepare": {"b": "2"}, "strain": {"c": "x=y"}}


def test_one_method_in_two_ways_is_two_rows() -> None:
    plain, still = parse_methods(["usenet:preset=paper", "usenet:prepare.prealign=false"], ["strain.window_m=3e-3"])
    assert (plain.row, still.row) == ("usenet:preset=paper", "usenet:prepare.prealign=false")
    assert plain.parameters is not None
    assert plain.parameters.as_dict()["preset"] == "paper"
    assert (plain.preparation.prealign, still.preparation.prealign) == (True, False)
    assert plain.strain_parameters == still.strain_parameters
    with pytest.raises(ParameterError, match="exactly one --method"):
        parse_methods(["ncc", "glue"], ["window_m=3e-3"])
    with pytest.raises(ParameterError, match="share the strain filter"):
        parse_methods(["ncc:strain.window_m=3e-3"])


def test_limits_are_ordered() -> None:
    assert parse_limits("-1,2.5", "--limits") == (-1.0, 2.5)
    with pytest.raises(ParameterError):
        parse_limits("2,2", "--limits")


def test_json_holds_nothing_that_json_does_not_know() -> None:
    value = {
        "nan": math.nan,
        "numpy": np.float32(0.5),
        "array": np.arange(2),
        "path": Path("a"),
        "entry": Measurement("cnr", math.nan, reason="too_few"),
        "none": (None, True, 1),
    }
    found = plain(value)
    assert found["nan"] is None
    assert found["numpy"] == 0.5
    assert found["array"] == [0, 1]
    assert found["path"] == "a"
    assert found["entry"]["value"] is None
    assert found["entry"]["reason"] == "too_few"
    assert found["none"] == [None, True, 1]


@pytest.mark.parametrize("text", ["-1e308,5,1,1", "0,1,1e300,1", "0,5,1e-200,1"])
def test_a_region_beyond_all_bounds_is_one_line(text: str) -> None:
    with pytest.raises(ParameterError, match=r"^--target: .* m"):
        parse_ellipse(text, "--target")


@pytest.mark.parametrize("text", ["-1e308,1e308", "0,1e12"])
def test_limits_that_no_axis_can_show_are_one_line(text: str) -> None:
    with pytest.raises(ParameterError, match=r"^--limits: .* beyond all strain"):
        parse_limits(text, "--limits")


@pytest.mark.parametrize("shared", [[], ["strain.weighted=false"]])
def test_methods_have_one_window_or_each_its_own(shared: list[str]) -> None:
    def windows(*, equal_window: bool) -> list[float]:
        chosen = parse_methods(["glue-stack", "ncc"], shared, equal_window=equal_window)
        return [entry.strain_parameters.window_m for entry in chosen]

    assert windows(equal_window=True) == [2e-3, 2e-3]
    assert windows(equal_window=False) == [1e-3, 2e-3]
