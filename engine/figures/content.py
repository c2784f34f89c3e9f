"""What a figure shows, as values: maps with their numbers, colours, marks, the page and its words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.errors import ParameterError
from engine.figures.options import FigureOptions
from engine.metrics.base import Measurement
from engine.metrics.profile import ProfileLine
from engine.quantity import COMPRESSIVE, QUANTITIES, Quantity, limits_of, usual_range
from engine.types import Ellipse, Geometry, Map, Provenance

DIFFERENCE_COLORS = "crameri:vik"


@dataclass(frozen=True)
class Marks:
    """What is drawn on the maps: regions on all of them, the profile line on the strain alone."""

    target: Ellipse | None = None
    background: Ellipse | None = None
    lesion: Ellipse | None = None
    profile: ProfileLine | None = None


@dataclass(frozen=True)
class StrainPanel:
    """One map (H, W) as it is stored, strain negative in compression, under a title, with its numbers if any.

    `caption` says in words what it is, `source` where it comes from; `marks` take the place of the figure's.
    """

    title: str
    strain: Map
    metrics: Mapping[str, Measurement] = field(default_factory=dict)
    caption: str = ""
    source: Provenance | None = None
    marks: Marks | None = None


@dataclass(frozen=True)
class BmodePanel:
    """Log-compressed B-mode (H, W) in dB, 0 at most; `marks` take the place of the figure's."""

    decibel: Map
    dynamic_range_db: float = 60.0
    marks: Marks | None = None

    def __post_init__(self) -> None:
        if not self.dynamic_range_db > 0:
            raise ParameterError(f"dynamic range must be positive, found {self.dynamic_range_db:g} dB")


@dataclass(frozen=True)
class ColorScale:
    """What the maps show, in which colours; `limits` of the quantity as shown, None for limits that fit the maps."""

    quantity: Quantity = COMPRESSIVE
    limits: tuple[float, float] | None = None
    colormap: str = "viridis"

    def __post_init__(self) -> None:
        if self.limits is not None and not self.limits[0] < self.limits[1]:
            raise ParameterError("the lower limit of strain must be below the upper one")


@dataclass(frozen=True)
class FigureContent:
    """All that a figure shows.

    `difference` adds the first map minus the second, for which there must be two. `remarks` are lines below the maps,
    such as how strain is normalised; `notes` say why a number is missing and what grey means. What `options` leave out
    is not in the content.
    """

    strain: tuple[StrainPanel, ...]
    geometry: Geometry
    bmode: BmodePanel | None = None
    scale: ColorScale = field(default_factory=ColorScale)
    marks: Marks = field(default_factory=Marks)
    options: FigureOptions = field(default_factory=FigureOptions)
    remarks: tuple[str, ...] = ()
    notes: bool = True
    difference: bool = False
    overlay: float = 0.0
    """Opacity of the map where it lies over the B-mode, 0 where it lies beside it alone."""

    def __post_init__(self) -> None:
        maps = [panel.strain for panel in self.strain] + ([] if self.bmode is None else [self.bmode.decibel])
        shapes = {entry.shape for entry in maps}
        if len(shapes) != 1 or not self.strain:
            raise ParameterError(f"a figure needs maps of one shape, found {sorted(shapes) or 'none'}")
        if self.difference and len(self.strain) != 2:
            raise ParameterError(f"a comparison is of two maps, found {len(self.strain)}")

    def __repr__(self) -> str:
        return f"<Figure of {self.strain[0].title}>"

    def limits(self) -> tuple[float, float]:
        """Return the limits of the colour bar."""
        maps = (panel.strain for panel in self.strain)
        return self.scale.limits or suggest_limits(*maps, quantity=self.scale.quantity)


@dataclass(frozen=True)
class Difference:
    """The first of two maps minus the second, (H, W) as stored, under limits symmetric about zero."""

    values: Map
    quantity: Quantity
    limits: tuple[float, float]


def difference_of(content: FigureContent) -> Difference:
    """Subtract the maps of a comparison; the difference is signed even where the maps show magnitudes."""
    first, second = content.strain
    values: Map = first.strain - second.strain
    quantity = difference_quantity(content.scale.quantity)
    even = not np.isfinite(values).any() or not np.nanmax(np.abs(values)) > 0
    return Difference(values, quantity, (-1.0, 1.0) if even else suggest_limits(values, quantity=quantity))


def difference_quantity(shown: Quantity) -> Quantity:
    """Return as what the difference of two maps is shown: signed, even of magnitudes, in the unit of the maps.

    >>> difference_quantity(COMPRESSIVE).label
    'Difference of strain (%)'
    """
    words = f"{shown.label[:1].lower()}{shown.label[1:]}"
    if shown.name in QUANTITIES:
        words = "strain (%)" if shown.unit else "relative strain (no unit)"
    return replace(
        shown,
        name="difference",
        label=f"Difference of {words}",
        factor=-shown.factor if shown.magnitude else shown.factor,
        ends=("B higher", "A higher"),
        magnitude=False,
        symmetric=True,
        from_zero=False,
        limits=None,
    )


def suggest_limits(*maps: Map, quantity: Quantity = COMPRESSIVE) -> tuple[float, float]:
    """Limits of the quantity as shown that hold 96 % of the maps, as they are on screen; 0 to 1 without any value."""
    ranges = [usual_range(entry) for entry in maps]
    ends = [entry for entry in ranges if math.isfinite(entry[0])]
    if not ends:
        return 0.0, 1.0
    return limits_of((min(low for low, _ in ends), max(high for _, high in ends)), quantity)
