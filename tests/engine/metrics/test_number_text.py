"""Numbers as people read them: three figures with their zeros, the same in window and figures."""

import math

import pytest

from engine.figures.words import value_text as figure_text
from engine.metrics.base import Measurement
from engine.metrics.number_text import DASH, MINUS, decibel_text, three_figures, value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.9, "2.90"),
        (6.8, "6.80"),
        (-0.5, f"{MINUS}0.500"),
        (0.0, "0.00"),
        (9.999, "10.0"),
        (0.09996, "0.100"),
        (1234.0, "1234"),
        (math.nan, DASH),
    ],
)
def test_three_figures(value: float, text: str) -> None:
    assert three_figures(value) == text


def test_window_and_figure_write_the_same_digits() -> None:
    entry = Measurement("cnr", 2.9, decibel=9.248)
    assert value_text(entry) == "2.90"
    assert figure_text(entry) == "2.90 (9.2 dB)"


def test_a_level_that_rounds_to_zero_has_no_sign() -> None:
    assert decibel_text("cnr", Measurement("cnr", 0.999, decibel=-0.009)) == "0.0"
