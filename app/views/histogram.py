"""Two histograms over the same bins, told apart by colour, by the line's dash and by what is hatched."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPen
from PySide6.QtWidgets import QWidget

from app.state import Role
from app.theme import role_color
from app.views.graph import Graph
from engine.metrics.histogram import StrainHistogram

FILL = 70
"""Opacity of what lies under an outline, of 255."""
FILLS = {Role.TARGET: Qt.BrushStyle.SolidPattern, Role.BACKGROUND: Qt.BrushStyle.BDiagPattern}
DASHES = {Role.TARGET: Qt.PenStyle.SolidLine, Role.BACKGROUND: Qt.PenStyle.DashLine}


class HistogramView(Graph):
    """Draws a histogram of the target and one of the background, with a line at each mean."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Histogram of the map in both regions", parent)
        plot = self.getPlotItem()
        plot.setLabel("left", "Pixels (%)")
        self._curves = {role: pg.PlotCurveItem([0, 1], [0], stepMode="center", fillLevel=0) for role in FILLS}
        self.means = {role: pg.InfiniteLine(angle=90, movable=False) for role in FILLS}
        for role in reversed(FILLS):  # the target lies over the background
            plot.addItem(self._curves[role])
            plot.addItem(self.means[role], ignoreBounds=True)
        self.restyle()

    def show_histogram(self, found: StrainHistogram, label: str) -> None:
        """Draw what there is of both regions; `label` names the quantity and its unit."""
        self.setLabel("bottom", label)
        for role, region in ((Role.TARGET, found.target), (Role.BACKGROUND, found.background)):
            drawn = not region.reason
            self._curves[role].setVisible(drawn)
            self.means[role].setVisible(drawn)
            if drawn:
                self._curves[role].setData(found.edges, region.share_percent, stepMode="center", fillLevel=0)
                self.means[role].setValue(region.mean)
        shares = [region.share_percent for region in (found.target, found.background) if not region.reason]
        if shares:
            self.setXRange(float(found.edges[0]), float(found.edges[-1]), padding=0.02)
            self.setYRange(0.0, float(np.concatenate(shares).max()), padding=0.06)

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        super().restyle()
        for role, fill in FILLS.items():
            color = role_color(role.letter)
            faint = QColor(color)
            faint.setAlpha(FILL if fill is Qt.BrushStyle.SolidPattern else 2 * FILL)
            self._curves[role].setPen(_pen(color, 1.6, DASHES[role]))
            self._curves[role].setBrush(QBrush(faint, fill))
            self.means[role].setPen(_pen(color, 2.2, DASHES[role]))


def _pen(color: QColor, width: float, style: Qt.PenStyle) -> QPen:
    pen = QPen(color, width, style)
    pen.setCosmetic(True)
    return pen
