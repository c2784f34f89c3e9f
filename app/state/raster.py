"""Maps to 8-bit images: indices by limits, tables by colour map. Only what reaches the screen passes through here."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from cmap import Colormap
from numpy.typing import NDArray

from app.state import Display
from engine import quantity
from engine.metrics.relative import relative_strain
from engine.quantity import strain_quantity
from engine.types import Map

BMODE_RANGE_DB = 100.0
"""Depth of the stored B-mode: the dynamic range slider then changes only a table of 256 greys."""

COLORMAPS = {
    "viridis": "Viridis",
    "cividis": "Cividis (colour-blind)",
    "magma": "Magma",
    "inferno": "Inferno",
    "crameri:batlow": "Batlow",
    "crameri:vik": "Vik (signed strain)",
    "gray": "Grey",
    "turbo": "Turbo",
}

Table = NDArray[np.uint8]
Indices = NDArray[np.uint8]

NO_ESTIMATE = 0
"""Index of a pixel that shows no strain; the table makes it transparent."""


@dataclass(frozen=True)
class Limits:
    """What is shown at both ends of the colour bar: strain in per cent, relative strain, or another map's values."""

    low_percent: float
    high_percent: float


def bmode_index(decibel: Map) -> Indices:
    """Store log-compressed B-mode (H, W), dB <= 0, in 256 steps over `BMODE_RANGE_DB`."""
    scaled = 255.0 + decibel * np.float32(255.0 / BMODE_RANGE_DB)
    index: Indices = np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255).astype(np.uint8)
    return index


def bmode_decibel(index: int) -> float:
    """Level in dB of a stored B-mode value."""
    return (index - 255.0) * BMODE_RANGE_DB / 255.0


def bmode_levels(index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Levels in dB of stored B-mode values, or of what lies between them."""
    return (index - 255.0) * (BMODE_RANGE_DB / 255.0)


@lru_cache(maxsize=32)
def grey_table(dynamic_range_db: float) -> Table:
    """Greys (256, 4) for a stored B-mode at a dynamic range."""
    level = np.clip(1 + bmode_decibel_array() / dynamic_range_db, 0, 1)
    table = np.full((256, 4), 255, np.uint8)
    table[:, :3] = np.round(255 * level)[:, None]
    return table


def bmode_decibel_array() -> NDArray[np.float64]:
    """Levels in dB of all 256 stored B-mode values."""
    return bmode_levels(np.arange(256, dtype=np.float64))


@lru_cache(maxsize=32)
def color_table(name: str, *, reverse: bool, opacity: float = 1.0) -> Table:
    """Colours (256, 4): index 0 transparent, 1 to 255 from the low end of the map to the high end."""
    values = np.linspace(0, 1, 255)
    rgba = np.asarray(Colormap(name)(values[::-1] if reverse else values))
    table = np.zeros((256, 4), np.uint8)
    table[1:] = np.round(255 * rgba)
    table[1:, 3] = round(255 * opacity)
    return table


def shown_percent(strain: Map, display: Display) -> Map:
    """Turn axial strain (compression negative) into the per cent that are shown."""
    factor = np.float32(100.0 if display.quantity == "signed" else -100.0)
    percent = strain * factor
    return np.abs(percent) if display.quantity == "magnitude" else percent


def shown_strain(strain: Map, display: Display, mean: float) -> Map:
    """Turn axial strain into what is shown: per cent, or parts of the frame's `mean` strain, NaN where that is NaN."""
    if not display.relative:
        return shown_percent(strain, display)
    return strain_quantity(display.quantity, relative=True).shown(relative_strain(strain, mean))


def strain_index(percent: Map, quality: Map | None, limits: Limits, quality_threshold: float) -> Indices:
    """Index (H, W) by limits; pixels without an estimate, or of too low quality, become `NO_ESTIMATE`."""
    span = max(limits.high_percent - limits.low_percent, 1e-9)
    scaled = (percent - np.float32(limits.low_percent)) * np.float32(254.0 / span)
    visible = ~np.isnan(scaled)
    if quality is not None and quality_threshold > 0:
        visible &= quality >= quality_threshold
    # Without branches: a noisy mask would otherwise cost ten times the rest. fmax turns NaN into 0.
    np.fmax(scaled, 0, out=scaled)
    np.minimum(scaled, 254, out=scaled)
    index: Indices = scaled.astype(np.uint8)
    index += np.uint8(1)
    index *= visible.view(np.uint8)
    return index


def limits_of(strains: tuple[float, float], display: Display, mean: float = 1.0) -> Limits:
    """Limits in the shown quantity that hold a range of stored strain, of a frame of this `mean` strain."""
    if display.relative and np.isnan(mean):
        return Limits(*display.manual)
    low, high = sorted(end / mean for end in strains) if display.relative else strains
    return Limits(*quantity.limits_of((low, high), strain_quantity(display.quantity, relative=display.relative)))


def tidy_limits(low: float, high: float, *, symmetric: bool) -> Limits:
    """Round limits outwards to a step a reader can hold in mind."""
    return Limits(*quantity.tidy_limits(low, high, symmetric=symmetric))
