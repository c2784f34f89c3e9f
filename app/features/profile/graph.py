"""The shown map along the profile line, and in a second scale the B-mode's level; the mouse over it marks the place."""

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from app.theme import Theme
from app.views.graph import Graph

RIGHT_PX = 46
Values = NDArray[np.float64]


class ProfileGraph(Graph):
    """Two curves over the distance from the line's start in mm; the map is the full line, B-mode the dotted one."""

    place_pointed = Signal(object)
    """Distance in millimetres under the mouse, or None."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Profile along the line", parent)
        plot = self.getPlotItem()
        plot.setLabel("bottom", "Distance from 0 (mm)")
        plot.showAxis("right")
        plot.getAxis("right").setWidth(RIGHT_PX)
        plot.setLabel("right", "B-mode (dB)")
        self.curve = pg.PlotCurveItem(connect="finite")
        self.bmode = pg.PlotCurveItem(connect="finite")
        self._second = pg.ViewBox(enableMenu=False, enableMouse=False)
        self._second.setZValue(plot.zValue() + 1)  # beside the plot in the scene, whose ground would hide it
        plot.scene().addItem(self._second)
        plot.getAxis("right").linkToView(self._second)
        self._second.setXLink(plot)
        self._second.addItem(self.bmode)
        plot.addItem(self.curve)
        self._marker = pg.InfiniteLine(angle=90, movable=False)
        plot.addItem(self._marker, ignoreBounds=True)
        self._marker.setVisible(False)
        self._length_mm = 0.0
        plot.getViewBox().sigResized.connect(self._fit_second)
        self.scene().sigMouseMoved.connect(self._moved)
        self.setMouseTracking(True)
        self.restyle()

    def show_curves(self, distances_mm: Values, values: Values | None, bmode_db: Values | None, label: str) -> None:
        """Draw what there is along the line, the map in its unit under a `label`; NaN leaves a gap."""
        nothing = np.zeros(0)
        self.getPlotItem().setLabel("left", label)
        self._length_mm = float(distances_mm[-1])
        self._fit_second()
        drawn = values is not None and bool(np.isfinite(values).any())
        self.curve.setData(distances_mm if drawn else nothing, values if drawn else nothing)
        self.bmode.setData(nothing if bmode_db is None else distances_mm, nothing if bmode_db is None else bmode_db)
        self.getPlotItem().getAxis("right").setStyle(showValues=bmode_db is not None)
        self.getPlotItem().getAxis("right").showLabel(bmode_db is not None)
        self.setXRange(0.0, self._length_mm, padding=0.01)
        self.enableAutoRange(axis="y")
        if bmode_db is not None and np.isfinite(bmode_db).any():
            self._second.setYRange(float(np.nanmin(bmode_db)), float(np.nanmax(bmode_db)))

    def mark(self, distance_mm: float | None) -> None:
        """Mark a place, or none."""
        self._marker.setVisible(distance_mm is not None)
        if distance_mm is not None:
            self._marker.setValue(distance_mm)

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        super().restyle()
        colors = Theme.colors
        self.curve.setPen(pg.mkPen(colors.accent, width=1.8))
        self.bmode.setPen(pg.mkPen(colors.muted, width=1, style=Qt.PenStyle.DotLine))
        self._marker.setPen(pg.mkPen(colors.text, width=1, style=Qt.PenStyle.DashLine))

    def leaveEvent(self, event: object) -> None:
        """Take the mark away with the mouse."""
        super().leaveEvent(event)
        self.mark(None)
        self.place_pointed.emit(None)

    @Slot()
    def _fit_second(self) -> None:
        self._second.setGeometry(self.getPlotItem().getViewBox().sceneBoundingRect())

    def _moved(self, position: QPointF) -> None:
        box = self.getPlotItem().getViewBox()
        distance = box.mapSceneToView(position).x() if box.sceneBoundingRect().contains(position) else -1.0
        inside = 0.0 <= distance <= self._length_mm
        self.mark(distance if inside else None)
        self.place_pointed.emit(distance if inside else None)
