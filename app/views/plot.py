"""A plot in millimetres with locked aspect, depth downwards, pan and zoom, and a drag that can draw a region."""

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPen
from PySide6.QtWidgets import QWidget

from app.theme import THEME_CHANGES, Theme
from app.views.region_item import drawn

CLOSEST_MM = 1.0
"""Closest zoom: the shorter side of the view in millimetres."""
SLACK = 0.02
"""How far a view may reach beyond the image, in parts of it: the axes hug the image but for a pixel's rounding."""
_LEFT_PX, _TOP_PX, _RIGHT_PX, _BOTTOM_PX = 46, 9, 9, 38
"""What lies around the image in its plot: the axes, and room for half a number at their ends."""
AXES_PX = QSize(_LEFT_PX + _RIGHT_PX, _TOP_PX + _BOTTOM_PX)


class RegionBox(pg.ViewBox):
    """Pans with a left drag; while drawing, the drag is an ellipse's box, or a line."""

    region_drawn = Signal(object, bool)
    """(Ellipse, finished)."""
    line_drawn = Signal(object, object, bool)
    """(start, now, finished): the two ends of the same drag, millimetres."""
    fit_requested = Signal()
    empty_clicked = Signal()
    menu_requested = Signal(QPoint)
    """(place on the screen) of a right click."""

    def __init__(self) -> None:
        super().__init__(lockAspect=1.0, invertY=True, enableMenu=False, defaultPadding=0.0)
        self.drawing = False

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        """Draw while a region tool is active, else pan (left) or zoom (right)."""
        if not self.drawing or event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            super().mouseDragEvent(event, axis)
            return
        event.accept()  # type: ignore[attr-defined]
        start = self.mapToView(event.buttonDownPos())  # type: ignore[attr-defined]
        now = self.mapToView(event.pos())  # type: ignore[attr-defined]
        finished = bool(event.isFinish())  # type: ignore[attr-defined]
        self.region_drawn.emit(drawn(start, now), finished)
        self.line_drawn.emit(start, now, finished)

    def mouseClickEvent(self, event: object) -> None:
        """Deselect on a click beside every region; a right click asks for a menu."""
        if event.button() == Qt.MouseButton.RightButton:  # type: ignore[attr-defined]
            event.accept()  # type: ignore[attr-defined]
            self.menu_requested.emit(event.screenPos().toPoint())  # type: ignore[attr-defined]
            return
        if event.button() == Qt.MouseButton.LeftButton and not event.double():  # type: ignore[attr-defined]
            event.accept()  # type: ignore[attr-defined]
            self.empty_clicked.emit()

    def mouseDoubleClickEvent(self, event: object) -> None:
        """Show the whole image again."""
        event.accept()  # type: ignore[attr-defined]
        self.fit_requested.emit()


class ImagePlot(pg.PlotWidget):
    """The plot of one image: axes in mm; tells where the mouse is, in millimetres, or None outside the image."""

    cursor_moved = Signal(object)
    view_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.box = RegionBox()
        super().__init__(parent, viewBox=self.box)
        self._extent = QRectF()
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setContentsMargins(0, _TOP_PX, _RIGHT_PX, 0)
        plot.layout.setContentsMargins(0, 0, 0, 0)
        plot.setLabel("left", "Depth (mm)")
        plot.setLabel("bottom", "Lateral (mm)")
        plot.getAxis("left").setWidth(_LEFT_PX)
        plot.getAxis("bottom").setHeight(_BOTTOM_PX)
        self._crosshair = [pg.InfiniteLine(angle=angle, movable=False) for angle in (0, 90)]
        for line in self._crosshair:
            line.setZValue(30)
            line.setVisible(False)
            plot.addItem(line, ignoreBounds=True)
        self.setMouseTracking(True)
        self.scene().sigMouseMoved.connect(self._tell_cursor)
        self.box.sigRangeChanged.connect(self._tell_view)
        self.box.fit_requested.connect(self.fit)
        THEME_CHANGES.changed.connect(self.restyle)
        self.restyle()

    def set_extent(self, extent: QRectF) -> None:
        """Say where the image lies, in millimetres, and show all of it."""
        self._extent = extent
        across, down = SLACK * extent.width(), SLACK * extent.height()
        self.box.setLimits(
            xMin=extent.left() - across,
            xMax=extent.right() + across,
            yMin=extent.top() - down,
            yMax=extent.bottom() + down,
            minXRange=CLOSEST_MM,
            minYRange=CLOSEST_MM,
        )
        self.fit()

    def fit(self) -> None:
        """Show the whole image."""
        if not self._extent.isEmpty():
            self.box.setRange(self._extent, padding=0)

    def image_rect(self) -> QRect:
        """Return where the image lies in this widget, in pixels."""
        return QRect(self.rect().adjusted(_LEFT_PX, _TOP_PX, -_RIGHT_PX, -_BOTTOM_PX))

    def show_view(self, view: QRectF) -> None:
        """Show this part of the plane; used to keep two plots together."""
        if self.box.viewRect() != view:
            self.box.setRange(view, padding=0)

    def show_crosshair(self, place_mm: tuple[float, float] | None) -> None:
        """Mark a place, or none."""
        for line in self._crosshair:
            line.setVisible(place_mm is not None)
        if place_mm is not None:
            self._crosshair[0].setValue(place_mm[1])
            self._crosshair[1].setValue(place_mm[0])

    def set_drawing(self, drawing: bool) -> None:
        """Let a drag draw a region, or pan."""
        self.box.drawing = drawing
        if drawing:
            self.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        colors = Theme.colors
        self.setBackground(colors.panel)
        small = QFont(self.font())
        small.setPointSizeF(max(small.pointSizeF() * 0.88, 7.5))
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(QPen(QColor(colors.border), 1))
            axis.setTextPen(QPen(QColor(colors.text), 1))
            axis.setTickFont(small)
            axis.setStyle(tickLength=4, tickTextOffset=3)
            axis.setLabel(axis.labelText, **{"color": colors.muted, "font-size": "9pt"})
            axis.setSIPrefixEnableRanges(())  # else switching prefixes off scales by one once more
            axis.enableAutoSIPrefix(False)
        self.box.setBackgroundColor(QColor(colors.plot))
        pen = QPen(QColor(255, 255, 255, 110), 1, Qt.PenStyle.DashLine)
        pen.setCosmetic(True)
        for line in self._crosshair:
            line.setPen(pen)

    def leaveEvent(self, event: object) -> None:
        """Take the cross-hair away with the mouse."""
        super().leaveEvent(event)
        self.cursor_moved.emit(None)

    def _tell_cursor(self, position: QPointF) -> None:
        if not self.box.sceneBoundingRect().contains(position):
            self.cursor_moved.emit(None)
            return
        place = self.box.mapSceneToView(position)
        inside = self._extent.contains(place)
        self.cursor_moved.emit((place.x(), place.y()) if inside else None)

    def _tell_view(self) -> None:
        self.view_changed.emit(self.box.viewRect())
