"""An ellipse on an image: drag inside to move, its four grips to resize, the round grip beyond to rotate."""

import math
from dataclasses import replace
from enum import Enum, auto

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from app.state import Role
from app.state.regions import SMALLEST_SEMI_AXIS_M
from app.theme import role_color
from app.views.dragged_item import GRIP_PX, TOUCH_PX, DraggedItem, cosmetic_pen
from engine.types import Ellipse

ROTATE_PX = 20.0
LABEL_PX = 17.0
DASHES: dict[Role, tuple[float, float]] = {Role.BACKGROUND: (5, 3), Role.LESION: (1.2, 2.2)}
"""Dash patterns of outlines: nothing is told by colour alone."""


class Grip(Enum):
    """What a drag takes hold of."""

    BODY = auto()
    LATERAL_FAR = auto()
    LATERAL_NEAR = auto()
    AXIAL_FAR = auto()
    AXIAL_NEAR = auto()
    ROTATE = auto()


class RegionItem(DraggedItem):
    """One region in one view; `edited` tells an Ellipse."""

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.role = role
        self._ellipse: Ellipse | None = None
        self._outline = QPainterPath()
        self._beside = QPointF()
        self.setZValue(20)
        self._label = pg.TextItem(role.letter, anchor=(0.5, 0.5), fill=(0, 0, 0, 150))
        self._label.setParentItem(self)
        self.set_ellipse(None)

    def set_ellipse(self, ellipse: Ellipse | None) -> None:
        """Show this ellipse, or none."""
        self.prepareGeometryChange()
        if ellipse != self._ellipse:
            self._ellipse = ellipse
            self._outline = QPainterPath() if ellipse is None else _outline_of(ellipse)
            self._beside = QPointF() if ellipse is None else self._label_point(ellipse)
        self.setVisible(ellipse is not None)
        self._place_label()
        self.update()

    def set_selected(self, selected: bool) -> None:
        """Show the grips all the time, or only under the mouse."""
        self.prepareGeometryChange()
        self._selected = selected
        self.setZValue(21 if selected else 20)
        self.update()

    def viewTransformChanged(self) -> None:
        """Keep grips and label at their size on screen."""
        super().viewTransformChanged()
        self.prepareGeometryChange()
        self._place_label()

    def boundingRect(self) -> QRectF:
        """Return a rectangle that holds outline and grips at any angle."""
        if self._ellipse is None:
            return QRectF()
        reach = max(self._ellipse.semi_lateral_m, self._ellipse.semi_axial_m) * 1e3
        reach += (ROTATE_PX + 2 * TOUCH_PX) * self.pixel_mm()
        center = _center_mm(self._ellipse)
        return QRectF(center.x() - reach, center.y() - reach, 2 * reach, 2 * reach)

    def shape(self) -> QPainterPath:
        """Return where the mouse finds the item: the ellipse itself and its grips."""
        path = QPainterPath()
        if self._ellipse is None:
            return path
        path = QPainterPath(self._outline)
        if self._selected or self._hovered:
            touch = TOUCH_PX * self.pixel_mm()
            for point in self._grips().values():
                path.addEllipse(point, touch, touch)
        path.setFillRule(Qt.FillRule.WindingFill)
        return path

    def paint(self, painter: QPainter, *_unused: object) -> None:
        """Paint a dark halo, the outline in its role's dash, and the grips."""
        if self._ellipse is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = role_color(self.role.letter)
        painter.setPen(cosmetic_pen(QColor(0, 0, 0, 150), 3.6))
        painter.drawPath(self._outline)
        pen = cosmetic_pen(color, 2.2 if self._selected else 1.6)
        if self.role in DASHES:
            pen.setDashPattern(DASHES[self.role])
        painter.setPen(pen)
        painter.drawPath(self._outline)
        if self._selected or self._hovered:
            self._paint_grips(painter, color)

    def given(self) -> Ellipse | None:
        """Return the ellipse that is painted."""
        return self._ellipse

    def part_at(self, position: QPointF) -> Grip:
        """Return the nearest grip under the mouse, else the body."""
        if not (self._selected or self._hovered):
            return Grip.BODY
        return self.near(self._grips(), position) or Grip.BODY

    def cursor_on(self, part: Grip) -> Qt.CursorShape:
        """Return the cursor that says what a drag of this grip does."""
        if part is Grip.ROTATE:
            return Qt.CursorShape.CrossCursor
        return Qt.CursorShape.SizeAllCursor if part is Grip.BODY else Qt.CursorShape.PointingHandCursor

    def dragged_to(self, shape: Ellipse, part: Grip, start: QPointF, now: QPointF) -> Ellipse:
        """Return the ellipse after a drag."""
        return dragged(shape, part, start, now)

    def grip_position(self, grip: Grip) -> QPointF:
        """Place of a grip in the plot, millimetres."""
        if self._ellipse is None or grip is Grip.BODY:
            return QPointF() if self._ellipse is None else _center_mm(self._ellipse)
        return self._grips()[grip]

    def _paint_grips(self, painter: QPainter, color: QColor) -> None:
        pixel = self.pixel_mm()
        grips = self._grips()
        painter.setPen(cosmetic_pen(color, 1.2))
        painter.drawLine(grips[Grip.LATERAL_FAR], grips[Grip.ROTATE])
        painter.setPen(cosmetic_pen(QColor(0, 0, 0, 190), 1.2))
        for grip, point in grips.items():
            painter.setBrush(color if grip is not Grip.ROTATE else QColor("white"))
            painter.drawEllipse(point, GRIP_PX * pixel, GRIP_PX * pixel)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _grips(self) -> dict[Grip, QPointF]:
        assert self._ellipse is not None
        beyond = ROTATE_PX * self.pixel_mm() * 1e-3
        longer = replace(self._ellipse, semi_lateral_m=self._ellipse.semi_lateral_m + beyond)
        return {
            Grip.LATERAL_FAR: _on_outline(self._ellipse, 0.0),
            Grip.AXIAL_FAR: _on_outline(self._ellipse, math.pi / 2),
            Grip.LATERAL_NEAR: _on_outline(self._ellipse, math.pi),
            Grip.AXIAL_NEAR: _on_outline(self._ellipse, -math.pi / 2),
            Grip.ROTATE: _on_outline(longer, 0.0),
        }

    def _place_label(self) -> None:
        if self._ellipse is None:
            return
        self._label.setColor(role_color(self.role.letter))
        away = LABEL_PX * self.pixel_mm()
        self._label.setPos(self._beside.x(), self._beside.y() + (away if self.role is Role.LESION else -away))

    def _label_point(self, ellipse: Ellipse) -> QPointF:
        """Where the letter stands: above, but for the lesion's outline, which lies about the target's, below."""
        around = [_on_outline(ellipse, math.pi * step / 24) for step in range(48)]
        return max(around, key=QPointF.y) if self.role is Role.LESION else min(around, key=QPointF.y)


def dragged(ellipse: Ellipse, grip: Grip, start: QPointF, now: QPointF) -> Ellipse:
    """Ellipse after a drag of one grip from `start` to `now`, both in millimetres; the centre stays unless moved."""
    if grip is Grip.BODY:
        return replace(
            ellipse,
            lateral_m=ellipse.lateral_m + (now.x() - start.x()) * 1e-3,
            depth_m=ellipse.depth_m + (now.y() - start.y()) * 1e-3,
        )
    x, z = now.x() * 1e-3 - ellipse.lateral_m, now.y() * 1e-3 - ellipse.depth_m
    if grip is Grip.ROTATE:
        angle = math.degrees(math.atan2(z, x))
        return replace(ellipse, angle_deg=(angle + 180) % 360 - 180)
    turn = math.radians(ellipse.angle_deg)
    along = x * math.cos(turn) + z * math.sin(turn)
    across = z * math.cos(turn) - x * math.sin(turn)
    if grip in {Grip.LATERAL_FAR, Grip.LATERAL_NEAR}:
        return replace(ellipse, semi_lateral_m=max(abs(along), SMALLEST_SEMI_AXIS_M))
    return replace(ellipse, semi_axial_m=max(abs(across), SMALLEST_SEMI_AXIS_M))


def drawn(start: QPointF, now: QPointF) -> Ellipse:
    """Upright ellipse in the box of a drag, both corners in millimetres."""
    return Ellipse(
        lateral_m=(start.x() + now.x()) * 0.5e-3,
        depth_m=(start.y() + now.y()) * 0.5e-3,
        semi_lateral_m=max(abs(now.x() - start.x()) * 0.5e-3, SMALLEST_SEMI_AXIS_M),
        semi_axial_m=max(abs(now.y() - start.y()) * 0.5e-3, SMALLEST_SEMI_AXIS_M),
    )


def _center_mm(ellipse: Ellipse) -> QPointF:
    return QPointF(ellipse.lateral_m * 1e3, ellipse.depth_m * 1e3)


def _outline_of(ellipse: Ellipse) -> QPainterPath:
    """Outline in millimetres; made once for an ellipse, because it is painted many times."""
    path = QPainterPath(_on_outline(ellipse, 0.0))
    for step in range(1, 90):
        path.lineTo(_on_outline(ellipse, 2 * math.pi * step / 90))
    path.closeSubpath()
    return path


def _on_outline(ellipse: Ellipse, phase: float) -> QPointF:
    """Point of the outline, millimetres: phase 0 at the end of the lateral semi-axis, a quarter turn at the axial."""
    turn = math.radians(ellipse.angle_deg)
    along = ellipse.semi_lateral_m * math.cos(phase)
    across = ellipse.semi_axial_m * math.sin(phase)
    return QPointF(
        (ellipse.lateral_m + along * math.cos(turn) - across * math.sin(turn)) * 1e3,
        (ellipse.depth_m + along * math.sin(turn) + across * math.cos(turn)) * 1e3,
    )
