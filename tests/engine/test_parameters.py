from dataclasses import FrozenInstanceError, dataclass
from typing import Literal

import pytest

from engine.errors import ParameterError
from engine.parameters import Parameters, parameter


@dataclass(frozen=True)
class Sample(Parameters):
    window_m: float = parameter(2e-3, unit="m", minimum=1e-3, maximum=5e-3, help="Window")
    passes: int = parameter(2, minimum=1, help="Passes")
    robust: bool = parameter(True, help="Robust")
    fit: Literal["cosine", "parabola"] = parameter("cosine", help="Fit")


def test_describe_tells_a_form_all_it_needs() -> None:
    window, passes, robust, fit = Sample.describe()
    assert (window.name, window.kind, window.unit, window.default) == ("window_m", float, "m", 2e-3)
    assert (window.minimum, window.maximum, window.help) == (1e-3, 5e-3, "Window")
    assert (passes.kind, passes.maximum) == (int, None)
    assert robust.kind is bool
    assert fit.choices == ("cosine", "parabola")


def test_text_becomes_values() -> None:
    read = Sample.from_text({"window_m": "0.003", "passes": "4", "robust": "off", "fit": "parabola"})
    assert read == Sample(window_m=0.003, passes=4, robust=False, fit="parabola")
    assert read.as_dict() == {"window_m": 0.003, "passes": 4, "robust": False, "fit": "parabola"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"windw_m": "1"}, "unknown parameter windw_m; known: window_m, passes, robust, fit"),
        ({"window_m": "wide"}, "window_m: expected float, found 'wide'"),
        ({"passes": "2.5"}, "passes: expected int, found '2.5'"),
        ({"robust": "maybe"}, "robust: expected true or false"),
        ({"window_m": "0.1"}, "outside 0.001 to 0.005 m"),
        ({"window_m": "nan"}, "finite"),
        ({"window_m": "inf"}, "finite"),
        ({"fit": "spline"}, "expected one of cosine, parabola"),
    ],
)
def test_bad_text_is_one_clear_line(settings, message) -> None:
    with pytest.raises(ParameterError, match=message):
        Sample.from_text(settings)


@pytest.mark.parametrize(
    "values", [{"passes": 2.0}, {"passes": True}, {"robust": 1}, {"window_m": "2e-3"}, {"passes": 0}]
)
def test_values_of_the_wrong_type_or_range_are_refused(values) -> None:
    with pytest.raises(ParameterError):
        Sample(**values)


def test_an_integer_may_stand_for_a_float() -> None:
    @dataclass(frozen=True)
    class Wide(Parameters):
        length: float = parameter(1.0, help="Length")

    assert Wide(length=3).length == 3


def test_parameters_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Sample().passes = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**70, float("inf"), float("nan")])
def test_a_number_beyond_all_is_one_line(value: float) -> None:
    for given in ({"passes": value}, {"window_m": value}):
        with pytest.raises(ParameterError, match="Sample"):
            Sample(**given)
