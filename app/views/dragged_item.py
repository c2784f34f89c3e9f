"""What can be dragged on an image: the mouse finds its parts, and the cursor says what a drag of each would do.

An item holds no truth: it paints the shape it is given and asks for another one. So the two views show two items of one
model, and an undo moves both. Coordinates of an item are those of the plot, millimetres.
"""

import math
from collections.abc import Mapping
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPen

GRIP_PX = 4.5
TOUCH_PX = 9.0


class DraggedItem(pg.GraphicsObject):
    """The mouse on a shape; what the shape and its parts are is for those who inherit."""

    edited = Signal(object, bool)
    """(shape, finished): the user wants the shape so."""
    picked = Signal()
    """The user clicked on the shape, or began to drag it."""

    menu_requested = Signal(QPoint)
    """(place on the screen) of a right click."""

    def __init__(self) -> None:
        super().__init__()
        self._selected = False
        self._hovered = False
        self._enabled = True
        self._held: tuple[Any, Any] | None = None

    def given(self) -> Any:
        """Return the shape that is painted, None without one."""
        raise NotImplementedError

    def part_at(self, position: QPointF) -> Any:
        """Return which part of the shape a drag from here would take hold of."""
        raise NotImplementedError

    def cursor_on(self, part: Any) -> Qt.CursorShape:
        """Return the cursor that says what a drag of this part does."""
        raise NotImplementedError

    def dragged_to(self, shape: Any, part: Any, start: QPointF, now: QPointF) -> Any:
        """Return the shape after a drag of one part; the given shape where that would be none."""
        raise NotImplementedError

    def set_mouse_enabled(self, enabled: bool) -> None:
        """Let the mouse through while something else is drawn."""
        self._enabled = enabled

    def hoverEvent(self, event: Any) -> None:
        """Take the mouse over the shape before the plot does, and say with the cursor what a drag would do."""
        inside = self._enabled and not event.isExit() and event.acceptDrags(Qt.MouseButton.LeftButton)
        if inside:
            event.acceptClicks(Qt.MouseButton.LeftButton)
            self.setCursor(self.cursor_on(self.part_at(event.pos())))
        else:
            self.unsetCursor()
        if inside != self._hovered:
            self.prepareGeometryChange()
            self._hovered = bool(inside)
            self.update()

    def mouseClickEvent(self, event: Any) -> None:
        """Select on click; a right click asks for a menu."""
        if event.button() == Qt.MouseButton.RightButton and self._enabled:
            event.accept()
            self.menu_requested.emit(event.screenPos().toPoint())
            return
        if self._enabled and event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.picked.emit()

    def mouseDragEvent(self, event: Any) -> None:
        """Ask for the shape that the drag makes."""
        if not self._enabled or self.given() is None or event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        if event.isStart():
            self._held = (self.part_at(event.buttonDownPos()), self.given())
            self.picked.emit()
        if self._held is None:
            return
        part, at_start = self._held
        wanted = self.dragged_to(at_start, part, event.buttonDownPos(), event.pos())
        finished = bool(event.isFinish())
        if finished:
            self._held = None
        self.edited.emit(wanted, finished)

    def near(self, parts: Mapping[Any, QPointF], position: QPointF) -> Any:
        """Return the nearest of these parts, None where the mouse touches none."""
        distances = {part: math.dist(point.toTuple(), position.toTuple()) for part, point in parts.items()}
        nearest = min(distances, key=lambda part: distances[part])
        return nearest if distances[nearest] <= TOUCH_PX * self.pixel_mm() else None

    def pixel_mm(self) -> float:
        """Size of a screen pixel in the plot; the aspect is locked, so one number does."""
        length = self.pixelLength(pg.Point(1, 0))
        return float(length) if length else 0.1


def cosmetic_pen(color: QColor, width: float) -> QPen:
    """Return a pen whose width is in pixels of the screen."""
    pen = QPen(color, width)
    pen.setCosmetic(True)
    return pen
