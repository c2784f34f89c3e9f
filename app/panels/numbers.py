"""How the panels write numbers: three figures, a true minus sign, a dash where there is none."""

import math

from engine.metrics.base import METRICS, Measurement

DASH = "\u2013"


def value_text(entry: Measurement | None) -> str:
    """Write a metric's value with three figures, or a dash."""
    if entry is None or math.isnan(entry.value):
        return DASH
    unit = f" {entry.unit}" if entry.unit else ""
    return f"{three_figures(entry.value)}{unit}"


def decibel_text(name: str, entry: Measurement | None) -> str:
    """Write a metric in dB with one decimal, a dash where it has no value, or nothing where dB make no sense."""
    if entry is not None and not METRICS.get(name).decibel:
        return ""
    return DASH if entry is None or math.isnan(entry.decibel) else f"{entry.decibel:.1f}".replace("-", "\u2212")


def decibel_reason(name: str, entry: Measurement | None) -> str:
    """Say why a number that is there has no dB; empty where it has, or where nobody would expect them."""
    if entry is None or entry.reason or not METRICS.get(name).decibel or not math.isnan(entry.decibel):
        return ""
    return "A negative ratio has no dB: the strains differ in sign" if entry.value < 0 else "Zero has no dB"


def three_figures(value: float) -> str:
    """Three significant figures without an exponent for the usual sizes."""
    if value == 0:
        return "0.00"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 6:
        return f"{value:.2e}".replace("-", "\u2212")
    return f"{value:.{max(2 - magnitude, 0)}f}".replace("-", "\u2212")
