"""The profile line on an image: drag an end to move it, the line between to move both.

As a region's item it holds no truth: it paints the line it is given and asks for another one, so that the two views
show two items of one line.
"""

import math

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen

from engine.metrics.profile import SHORTEST_M, ProfileLine

COLOR = "#f4f4f4"
"""White within a dark halo is seen on grey and on every colour map, in both themes."""
GRIP_PX = 4.5
TOUCH_PX = 9.0
LABEL_PX = 14.0
HALO = QColor(0, 0, 0, 170)


class ProfileItem(pg.GraphicsObject):
    """The line in one view; coordinates of the item are those of the plot, millimetres."""

    edited = Signal(object, bool)
    """(ProfileLine, finished): the user wants the line so."""
    picked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._line: ProfileLine | None = None
        self._selected = False
        self._hovered = False
        self._enabled = True
        self._held: tuple[str, ProfileLine] | None = None
        self.setZValue(22)
        self._labels = {
            end: pg.TextItem(color=COLOR, anchor=(0.5, 0.5), fill=(0, 0, 0, 150)) for end in ("start", "end")
        }
        for label in self._labels.values():
            label.setParentItem(self)
        self.set_line(None)

    def set_line(self, line: ProfileLine | None) -> None:
        """Show this line, or none."""
        self.prepareGeometryChange()
        self._line = line
        self.setVisible(line is not None)
        if line is not None:
            self._labels["start"].setText("0")
            self._labels["end"].setText(f"{1e3 * line.length_m:.1f} mm")
        self._place_labels()
        self.update()

    def set_selected(self, selected: bool) -> None:
        """Show the line stronger, as the one that the keys work on."""
        self._selected = selected
        self.update()

    def set_mouse_enabled(self, enabled: bool) -> None:
        """Let the mouse through while something is drawn."""
        self._enabled = enabled

    def viewTransformChanged(self) -> None:
        """Keep grips and labels at their size on screen."""
        super().viewTransformChanged()
        self.prepareGeometryChange()
        self._place_labels()

    def boundingRect(self) -> QRectF:
        """Return a rectangle that holds line and grips."""
        if self._line is None:
            return QRectF()
        reach = 2 * TOUCH_PX * self._pixel_mm()
        return QRectF(*self._ends()).normalized().adjusted(-reach, -reach, reach, reach)

    def shape(self) -> QPainterPath:
        """Return where the mouse finds the line."""
        if self._line is None:
            return QPainterPath()
        start, end = self._ends()
        path = QPainterPath(start)
        path.lineTo(end)
        stroker = QPainterPathStroker()
        stroker.setWidth(2 * TOUCH_PX * self._pixel_mm())
        stroker.setCapStyle(Qt.PenCapStyle.RoundCap)
        return stroker.createStroke(path)

    def paint(self, painter: QPainter, *_unused: object) -> None:
        """Paint a dark halo, the line, and a grip at each end; that of the start is hollow."""
        if self._line is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        start, end = self._ends()
        strong = self._selected or self._hovered
        for color, width in ((HALO, 4.2), (QColor(COLOR), 2.2 if strong else 1.5)):
            painter.setPen(_pen(color, width))
            painter.drawLine(start, end)
        radius = (GRIP_PX if strong else 0.7 * GRIP_PX) * self._pixel_mm()
        painter.setPen(_pen(QColor(COLOR), 1.6))
        painter.setBrush(HALO)
        painter.drawEllipse(start, radius, radius)
        painter.setPen(_pen(HALO, 1.2))
        painter.setBrush(QColor(COLOR))
        painter.drawEllipse(end, radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def hoverEvent(self, event: object) -> None:
        """Take the mouse over the line before the plot does."""
        inside = (
            self._enabled
            and not event.isExit()  # type: ignore[attr-defined]
            and event.acceptDrags(Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
        )
        if inside:
            event.acceptClicks(Qt.MouseButton.LeftButton)  # type: ignore[attr-defined]
            whole = self._part_at(event.pos()) == "line"  # type: ignore[attr-defined]
            self.setCursor(Qt.CursorShape.SizeAllCursor if whole else Qt.CursorShape.PointingHandCursor)
        else:
            self.unsetCursor()
        if bool(inside) != self._hovered:
            self._hovered = bool(inside)
            self.update()

    def mouseClickEvent(self, event: object) -> None:
        """Select on click."""
        if self._enabled and event.button() == Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            event.accept()  # type: ignore[attr-defined]
            self.picked.emit()

    def mouseDragEvent(self, event: object) -> None:
        """Ask for the line that the drag makes."""
        if not self._enabled or self._line is None or event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            event.ignore()  # type: ignore[attr-defined]
            return
        event.accept()  # type: ignore[attr-defined]
        if event.isStart():  # type: ignore[attr-defined]
            self._held = (self._part_at(event.buttonDownPos()), self._line)  # type: ignore[attr-defined]
        if self._held is None:
            return
        part, at_start = self._held
        wanted = dragged(at_start, part, event.buttonDownPos(), event.pos()) or self._line  # type: ignore[attr-defined]
        finished = bool(event.isFinish())  # type: ignore[attr-defined]
        if finished:
            self._held = None
        self.edited.emit(wanted, finished)

    def end_position(self, end: str) -> QPointF:
        """Place of the start or the end in the plot, millimetres."""
        return self._ends()[0 if end == "start" else 1]

    def _part_at(self, position: QPointF) -> str:
        """Return "start" or "end" where the mouse is near one of them, else "line"."""
        touch = TOUCH_PX * self._pixel_mm()
        distances = {end: math.dist(self.end_position(end).toTuple(), position.toTuple()) for end in self._labels}
        nearest = min(distances, key=lambda end: distances[end])
        return nearest if distances[nearest] <= touch else "line"

    def _ends(self) -> tuple[QPointF, QPointF]:
        line = self._line
        if line is None:
            return QPointF(), QPointF()
        return (
            QPointF(1e3 * line.start_lateral_m, 1e3 * line.start_depth_m),
            QPointF(1e3 * line.end_lateral_m, 1e3 * line.end_depth_m),
        )

    def _place_labels(self) -> None:
        """Put both labels beyond the ends, in the line's direction."""
        if self._line is None:
            return
        turn = math.radians(self._line.angle_deg)
        start, end = self._ends()
        for label, place, sign in ((self._labels["start"], start, -1), (self._labels["end"], end, 1)):
            half = label.boundingRect()
            across = (LABEL_PX + half.width() / 2 - 6) * math.cos(turn) * self._pixel_mm()
            down = LABEL_PX * math.sin(turn) * self._pixel_mm()
            label.setPos(place.x() + sign * across, place.y() + sign * down)

    def _pixel_mm(self) -> float:
        """Size of a screen pixel in the plot; the aspect is locked, so one number does."""
        length = self.pixelLength(pg.Point(1, 0))
        return float(length) if length else 0.1


def dragged(line: ProfileLine, part: str, start: QPointF, now: QPointF) -> ProfileLine | None:
    """Line after a drag of an end, or of the whole, in millimetres; None where its ends would meet."""
    across, down = 1e-3 * (now.x() - start.x()), 1e-3 * (now.y() - start.y())
    ends = [line.start_lateral_m, line.start_depth_m, line.end_lateral_m, line.end_depth_m]
    if part in {"start", "line"}:
        ends[0], ends[1] = ends[0] + across, ends[1] + down
    if part in {"end", "line"}:
        ends[2], ends[3] = ends[2] + across, ends[3] + down
    return ProfileLine(*ends) if math.hypot(ends[2] - ends[0], ends[3] - ends[1]) >= SHORTEST_M else None


def _pen(color: QColor, width: float) -> QPen:
    pen = QPen(color, width)
    pen.setCosmetic(True)
    return pen
