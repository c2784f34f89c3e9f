"""What exports say of strain that is not shown as it was estimated."""

import json
import math

import numpy as np

from engine.as_shown import noted
from engine.export.table import provenance_lines
from engine.figures.content import ColorScale, FigureContent, StrainPanel, suggest_limits
from engine.figures.draw import draw
from engine.figures.draw_sheet import draw_sheet
from engine.figures.shown import shown_remarks
from engine.quantity import strain_quantity
from engine.types import Geometry, Provenance

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
PROVENANCE = Provenance("ncc", {"method": {"levels": 3}}, "", "0.1.0", "ab" * 32)


def content() -> FigureContent:
    relative = np.linspace(0.2, 1.8, 500 * 60, dtype=np.float32).reshape(500, 60)
    return FigureContent(
        (StrainPanel("NCC", relative),),
        GEOMETRY,
        scale=ColorScale(strain_quantity("compressive", relative=True)),
        remarks=shown_remarks(mean=-0.012, frames=(3, 4, 5)),
    )


def test_the_colour_bar_has_no_unit_and_the_remarks_stand_below() -> None:
    for figure in (draw(content()), draw_sheet(content())):
        bar = next(axes for axes in figure.axes if axes.get_ylabel().startswith("Relative strain"))
        assert "%" not in bar.get_ylabel()
        assert "no unit" in bar.get_ylabel()
        words = [text.get_text() for text in figure.texts]
        assert "Averaged over 3 frames (3 to 5)." in words
        assert "Divided by the mean strain of the frame, 1.2 %." in words


def test_limits_fit_relative_strain() -> None:
    relative = content().strain[0].strain
    assert suggest_limits(relative, quantity=strain_quantity("compressive", relative=True)) == (0.2, 1.8)
    low, high = suggest_limits(relative, quantity=strain_quantity("signed", relative=True))
    assert (low, high) == (-1.8, 1.8)


def test_the_provenance_tells_of_it() -> None:
    assert noted(PROVENANCE) is PROVENANCE
    lines = dict(provenance_lines(noted(PROVENANCE, relative=True, averaged_frames=4)))
    shown = json.loads(lines["parameters"])["shown"]
    assert shown == {"strain": "divided by the mean of each frame", "averaged_frames": 4}


def test_what_cannot_be_divided_is_said() -> None:
    assert shown_remarks() == ()
    assert "too small" in shown_remarks(mean=math.nan)[0]
