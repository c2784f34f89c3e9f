"""What the small graphs of the panels share: no menu, no mouse, axes and colours of the theme."""

import pyqtgraph as pg
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QFont, QPen
from PySide6.QtWidgets import QWidget

from app.theme import THEME_CHANGES, Theme

LEFT_PX = 48
LOWEST_PX = 120


class Graph(pg.PlotWidget):
    """An empty graph in the theme in force."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, enableMenu=False)
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.getAxis("left").setWidth(LEFT_PX)
        self.setAccessibleName(name)
        self.setMinimumHeight(LOWEST_PX)
        THEME_CHANGES.changed.connect(self.restyle)

    def sizeHint(self) -> QSize:
        """Return a modest size: a graph takes what room there is, and asks for none that would have to scroll."""
        return QSize(2 * LOWEST_PX, LOWEST_PX)

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        colors = Theme.colors
        self.setBackground(colors.panel)
        self.getPlotItem().getViewBox().setBackgroundColor(QColor(colors.field))
        small = QFont(self.font())
        small.setPointSizeF(max(small.pointSizeF() * 0.85, 7))
        for side in ("left", "bottom", "right"):
            axis = self.getPlotItem().getAxis(side)
            if not axis.isVisible():
                continue
            axis.setPen(QPen(QColor(colors.border), 1))
            axis.setTextPen(QPen(QColor(colors.text), 1))
            axis.setTickFont(small)
            axis.setLabel(axis.labelText, **{"color": colors.muted, "font-size": "9pt"})
            axis.setSIPrefixEnableRanges(())  # else switching prefixes off scales by one once more
            axis.enableAutoSIPrefix(False)
