"""The part of the frame that is estimated: drawn by mouse on either image, outlined in both."""

from dataclasses import replace

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGraphicsRectItem

from app.actions import Action
from app.state import Tool
from app.views.dragged_item import cosmetic_pen
from app.window.feature import FEATURES, Entry, FeatureContext
from engine.errors import ParameterError
from engine.preprocess.part_of_frame import parse_box

COLOR, WIDTH_PX = "#f4f4f4", 1.4


class PartFeature(QObject):
    """Turns a drag with the tool into the text of the preparation's part, and outlines the part in force."""

    def __init__(self, context: FeatureContext) -> None:
        super().__init__(context.window)
        self._context, self._state = context, context.state
        self.outlines = [QGraphicsRectItem() for _ in context.central.view.panes]
        pen = cosmetic_pen(QColor(COLOR), WIDTH_PX)
        pen.setStyle(Qt.PenStyle.DashDotLine)
        for pane, outline in zip(context.central.view.panes, self.outlines, strict=True):
            outline.setPen(pen)
            outline.setZValue(15)
            pane.plot.addItem(outline, ignoreBounds=True)
            pane.plot.box.line_drawn.connect(self.draw)
        for signal in (self._state.settings_changed, self._state.recording_changed, self._state.tool_changed):
            signal.connect(self.show)
        self._state.tool_changed.connect(context.refresh)
        self.show()

    def can_draw(self) -> bool:
        """Say whether a rectangle on the image is a part: where lines fan out it is not."""
        recording = self._state.recording
        return recording is not None and recording.sequence.geometry.sector is None

    def toggle(self) -> None:
        """Take the tool that draws the part, or lay it down."""
        drawing = self._state.tool is not Tool.PART and self.can_draw()
        self._state.set_tool(Tool.PART if drawing else Tool.PAN)

    @Slot(object, object, bool)
    def draw(self, start_mm: QPointF, now_mm: QPointF, finished: bool) -> None:
        """Follow a drag with the tool in force; at its end the part is chosen, unless it is too small for one."""
        if self._state.tool is not Tool.PART or not self.can_draw():
            return
        box = QRectF(start_mm, now_mm).normalized()
        self._outline(box)
        if finished:
            self._choose(f"{box.top():.4g}:{box.bottom():.4g},{box.left():.4g}:{box.right():.4g}")
            self._state.set_tool(Tool.PAN)

    def clear(self) -> None:
        """Estimate the whole frame again."""
        self._choose("")

    @Slot()
    def show(self) -> None:
        """Outline the part that is chosen, if it is not the whole frame."""
        recording, text = self._state.recording, self._state.settings.preparation.part
        if recording is None or not text or not self.can_draw():
            self._outline(QRectF())
            return
        left, top, width, height = recording.grid.edges_m()
        box, ends = parse_box(text), (left, top, left + width, top + height)
        chosen = (box.left_m, box.top_m, box.right_m, box.bottom_m)
        x, z, right, bottom = (1e3 * (edge if end is None else end) for end, edge in zip(chosen, ends, strict=True))
        self._outline(QRectF(QPointF(x, z), QPointF(right, bottom)))

    def _choose(self, text: str) -> None:
        recording, preparation = self._state.recording, self._state.settings.preparation
        assert recording is not None
        try:
            parse_box(text).slices(recording.sequence.shape[1:], recording.sequence.geometry)
        except ParameterError as error:
            self._context.show_error(str(error))
            return
        self._context.commands.processing.set_preparation(replace(preparation, part=text))

    def _outline(self, box: QRectF) -> None:
        for outline in self.outlines:
            outline.setRect(box)
            outline.setVisible(not box.isEmpty())


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Edit menu: the tool, and the whole frame again."""
    state, feature = context.state, PartFeature(context)
    return (
        Action(
            "draw_part",
            "Draw part of the &frame",
            feature.toggle,
            menu="Edit",
            place=204,
            tip="Drag a box on an image: strain is estimated in it alone",
            checkable=True,
            enabled=feature.can_draw,
            checked=lambda: state.tool is Tool.PART,
        ),
        Action(
            "whole_frame",
            "Estimate the &whole frame",
            feature.clear,
            menu="Edit",
            place=205,
            enabled=lambda: state.recording is not None and bool(state.settings.preparation.part),
        ),
    )


FEATURES.register("part", build)
