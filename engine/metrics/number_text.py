"""How a metric is written for people, alike in the window, in figures and in comparisons.

Three significant figures with their zeros, a true minus sign, and a dash where there is no number.
"""

import math

from engine.metrics.base import METRICS, Measurement

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def three_figures(value: float) -> str:
    """Three significant figures, their zeros too, without an exponent for the usual sizes; a dash for NaN.

    >>> three_figures(2.9), three_figures(9.999), three_figures(152.4)
    ('2.90', '10.0', '152')
    """
    return figures(value, 3)


def figures(value: float, count: int) -> str:
    """Write some significant figures as `three_figures` does.

    >>> figures(0.0457, 2)
    '0.046'
    """
    if math.isnan(value):
        return DASH
    rounded = float(f"{value:.{count - 1}e}")
    if rounded == 0:
        return f"{0:.{count - 1}f}"
    magnitude = math.floor(math.log10(abs(rounded)))
    usual = -4 <= magnitude < 6
    digits = f"{value:.{max(count - 1 - magnitude, 0)}f}" if usual else f"{value:.{count - 1}e}"
    return digits.replace("-", MINUS)


def value_text(entry: Measurement | None) -> str:
    """Write a metric's value with its unit, or a dash."""
    if entry is None or entry.reason:
        return DASH
    unit = f" {entry.unit}" if entry.unit else ""
    return f"{three_figures(entry.value)}{unit}"


def sigma_text(entry: Measurement | None) -> str:
    """Write a value's standard uncertainty with two figures; nothing where it is not known."""
    return "" if entry is None or math.isnan(entry.sigma) else figures(entry.sigma, 2)


def interval_text(entry: Measurement) -> str:
    """Write the range of a value, and the independent cells behind it where they are known; empty without a range."""
    if math.isnan(entry.low):
        return ""
    kind = "95 %: " if entry.range_kind == "interval-95" else "Range: "
    cells = f", {entry.cells:.0f} independent cells" if entry.cells else ""
    return f"{kind}{three_figures(entry.low)} to {three_figures(entry.high)}{cells}"


def decibel_text(name: str, entry: Measurement | None) -> str:
    """Write a metric in dB with one decimal, a dash where it has no value, or nothing where dB make no sense."""
    if entry is not None and not METRICS.get(name).decibel:
        return ""
    if entry is None or math.isnan(entry.decibel):
        return DASH
    return f"{round(entry.decibel, 1) + 0.0:.1f}".replace("-", MINUS)  # adding zero turns a rounded -0.0 into 0.0


def decibel_reason(name: str, entry: Measurement | None) -> str:
    """Say why a number that is there has no dB; empty where it has, or where nobody would expect them."""
    if entry is None or entry.reason or not METRICS.get(name).decibel or not math.isnan(entry.decibel):
        return ""
    return "A negative ratio has no dB: the strains differ in sign" if entry.value < 0 else "Zero has no dB"
