"""A figure of two strain maps side by side with their difference, the numbers of both, and where both come from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.errors import ParameterError
from engine.figures.figure import FigureContent, save_drawing, suggest_limits
from engine.quantity import Quantity
from engine.types import Map

DIFFERENCE_COLORS = "crameri:vik"


@dataclass(frozen=True)
class ComparisonFigure:
    """Two maps of one grid under one colour bar, and the first minus the second under limits symmetric about zero.

    `content` has two strain panels, A and B, under common limits; its provenance is that of A, `compared_with` that of
    B. `difference_limits` None fits the difference.
    """

    content: FigureContent
    difference_limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if len(self.content.strain) != 2:
            raise ParameterError(f"a comparison is of two maps, found {len(self.content.strain)}")

    @property
    def difference(self) -> Map:
        """A minus B as stored, (H, W); NaN where either is."""
        first, second = self.content.strain
        return first.strain - second.strain

    @property
    def difference_quantity(self) -> Quantity:
        """What the difference shows: signed even where the maps show magnitudes."""
        shown = self.content.quantity
        unit = "no unit" if shown.name.startswith("relative") else "%"
        factor = -shown.factor if shown.name == "magnitude" else shown.factor
        return Quantity(
            "difference", f"Difference of strain ({unit})", factor, ("B higher", "A higher"), symmetric=True
        )


def save_comparison(figure: ComparisonFigure, path: Path, dpi: float = 300) -> None:
    """Draw a comparison into a PNG, PDF, SVG or TIFF file, whole or not at all.

    >>> content = FigureContent((StrainPanel("NCC", a), StrainPanel("GLUE", b)), geometry)  # doctest: +SKIP
    >>> save_comparison(ComparisonFigure(content), Path("comparison.pdf"))  # doctest: +SKIP
    """
    from engine.figures.comparison_layout import draw_comparison

    save_drawing(figure.content, path, dpi, lambda _content: draw_comparison(figure))


def fitting_difference_limits(figure: ComparisonFigure) -> tuple[float, float]:
    """Limits symmetric about zero that hold nearly all of the difference; of equal maps, those of one unit."""
    difference = figure.difference
    if not np.isfinite(difference).any() or not np.nanmax(np.abs(difference)) > 0:
        return -1.0, 1.0
    return suggest_limits(difference, quantity=figure.difference_quantity)
