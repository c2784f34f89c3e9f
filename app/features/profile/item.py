"""The profile line on an image: drag an end to move it, the line between to move both."""

import math

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker

from app.views.dragged_item import GRIP_PX, TOUCH_PX, DraggedItem, cosmetic_pen
from engine.metrics.profile import SHORTEST_M, ProfileLine

COLOR = "#f4f4f4"
"""White within a dark halo is seen on grey and on every colour map, in both themes."""
LABEL_PX = 14.0
HALO = QColor(0, 0, 0, 170)


class ProfileItem(DraggedItem):
    """The line in one view; `edited` tells a ProfileLine."""

    def __init__(self) -> None:
        super().__init__()
        self._line: ProfileLine | None = None
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

    def viewTransformChanged(self) -> None:
        """Keep grips and labels at their size on screen."""
        super().viewTransformChanged()
        self.prepareGeometryChange()
        self._place_labels()

    def boundingRect(self) -> QRectF:
        """Return a rectangle that holds line and grips."""
        if self._line is None:
            return QRectF()
        reach = 2 * TOUCH_PX * self.pixel_mm()
        return QRectF(*self._ends()).normalized().adjusted(-reach, -reach, reach, reach)

    def shape(self) -> QPainterPath:
        """Return where the mouse finds the line."""
        if self._line is None:
            return QPainterPath()
        start, end = self._ends()
        path = QPainterPath(start)
        path.lineTo(end)
        stroker = QPainterPathStroker()
        stroker.setWidth(2 * TOUCH_PX * self.pixel_mm())
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
            painter.setPen(cosmetic_pen(color, width))
            painter.drawLine(start, end)
        radius = (GRIP_PX if strong else 0.7 * GRIP_PX) * self.pixel_mm()
        painter.setPen(cosmetic_pen(QColor(COLOR), 1.6))
        painter.setBrush(HALO)
        painter.drawEllipse(start, radius, radius)
        painter.setPen(cosmetic_pen(HALO, 1.2))
        painter.setBrush(QColor(COLOR))
        painter.drawEllipse(end, radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def given(self) -> ProfileLine | None:
        """Return the line that is painted."""
        return self._line

    def part_at(self, position: QPointF) -> str:
        """Return "start" or "end" where the mouse is near one of them, else "line"."""
        return self.near({end: self.end_position(end) for end in self._labels}, position) or "line"

    def cursor_on(self, part: str) -> Qt.CursorShape:
        """Return the cursor that says what a drag of this part does."""
        return Qt.CursorShape.SizeAllCursor if part == "line" else Qt.CursorShape.PointingHandCursor

    def dragged_to(self, shape: ProfileLine, part: str, start: QPointF, now: QPointF) -> ProfileLine:
        """Return the line after a drag; the shown one where its ends would meet."""
        return dragged(shape, part, start, now) or self._line or shape

    def end_position(self, end: str) -> QPointF:
        """Place of the start or the end in the plot, millimetres."""
        return self._ends()[0 if end == "start" else 1]

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
            across = (LABEL_PX + half.width() / 2 - 6) * math.cos(turn) * self.pixel_mm()
            down = LABEL_PX * math.sin(turn) * self.pixel_mm()
            label.setPos(self._inside(QPointF(place.x() + sign * across, place.y() + sign * down), half))

    def _inside(self, place: QPointF, label: QRectF) -> QPointF:
        """Move the middle of a label so that all of it lies in the view."""
        box = self.getViewBox()
        if box is None:
            return place
        across, down = 0.5 * label.width() * self.pixel_mm(), 0.5 * label.height() * self.pixel_mm()
        room = box.viewRect().adjusted(across, down, -across, -down)
        if not room.isValid():
            return place
        return QPointF(min(max(place.x(), room.left()), room.right()), min(max(place.y(), room.top()), room.bottom()))


def dragged(line: ProfileLine, part: str, start: QPointF, now: QPointF) -> ProfileLine | None:
    """Line after a drag of an end, or of the whole, in millimetres; None where its ends would meet."""
    across, down = 1e-3 * (now.x() - start.x()), 1e-3 * (now.y() - start.y())
    ends = [line.start_lateral_m, line.start_depth_m, line.end_lateral_m, line.end_depth_m]
    if part in {"start", "line"}:
        ends[0], ends[1] = ends[0] + across, ends[1] + down
    if part in {"end", "line"}:
        ends[2], ends[3] = ends[2] + across, ends[3] + down
    return ProfileLine(*ends) if math.hypot(ends[2] - ends[0], ends[3] - ends[1]) >= SHORTEST_M else None
