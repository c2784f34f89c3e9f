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
    if math.isnan(value):
        return DASH
    rounded = float(f"{value:.2e}")
    if rounded == 0:
        return "0.00"
    magnitude = math.floor(math.log10(abs(rounded)))
    digits = f"{value:.2e}" if not -4 <= magnitude < 6 else f"{value:.{max(2 - magnitude, 0)}f}"
    return digits.replace("-", MINUS)


def value_text(entry: Measurement | None) -> str:
    """Write a metric's value with its unit, or a dash."""
    if entry is None or entry.reason:
        return DASH
    unit = f" {entry.unit}" if entry.unit else ""
    return f"{three_figures(entry.value)}{unit}"


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
