"""The time line: one column a frame, its height the mean quality, a line over them the compression; marks.

A bar across the top of a column marks a frame that is not to be trusted.
"""

import math
from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QToolTip, QWidget

from app.state.run_store import FrameSummary
from app.theme import Theme
from engine.frames import frame_place
from engine.reliability.frame import sentences

MARGIN_PX = 8
MARK_PX = 6
POOR_PX = 4
"""Height of the bar over a poor frame."""


class TimeLine(QAbstractSlider):
    """A slider over frames; its value is the shown frame."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Time line")
        self.setAccessibleDescription(
            "Frame shown; filled columns have a strain estimate, as high as its quality; the line is the compression; "
            "a bar on top marks a frame that is not to be trusted"
        )
        self.setMouseTracking(True)
        self._summaries: Mapping[int, FrameSummary] = {}
        self._reference: int | None = None
        self._strip: QImage | None = None
        self._strip_of: tuple[object, ...] = ()

    def sizeHint(self) -> QSize:
        """Return the usual size."""
        return QSize(240, 44)

    def show_frames(self, count: int) -> None:
        """Show this many frames."""
        self.setRange(0, max(count - 1, 0))
        self.setEnabled(count > 1)
        self.update()

    def show_summaries(self, summaries: Mapping[int, FrameSummary], reference: int | None) -> None:
        """Mark the estimated frames and the reference frame (None when every frame has its own)."""
        self._summaries = summaries
        self._reference = reference
        self._strip = None
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint columns, then the marks."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors = Theme.colors
        track = self._track()
        painter.setPen(QPen(QColor(colors.accent if self.hasFocus() else colors.border), 1))
        painter.setBrush(QColor(colors.field))
        painter.drawRoundedRect(track.adjusted(-4, 0, 4, 0), 3, 3)
        if self.maximum() > 0:
            painter.drawImage(track.adjusted(0, 3, 0, -3), self._kept_strip())
            self._paint_marks(painter)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the frame under the mouse."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setSliderPosition(self.frame_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Scrub."""
        if self.isSliderDown():
            self.setSliderPosition(self.frame_at(event.position().x()))

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """End scrubbing."""
        self.setSliderDown(False)

    def event(self, event: QEvent) -> bool:
        """Tell about the frame under the mouse."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self.maximum() > 0:
            QToolTip.showText(event.globalPos(), self.describe(self.frame_at(event.pos().x())), self)
            return True
        return bool(super().event(event))

    def frame_at(self, x: float) -> int:
        """Frame whose column lies at a horizontal place."""
        track = self._track()
        share = (x - track.left()) / max(track.width(), 1)
        return max(0, min(int(share * (self.maximum() + 1)), self.maximum()))

    def describe(self, frame: int) -> str:
        """Say what is known of a frame."""
        name = frame_place(frame, self.maximum() + 1)
        if frame == self._reference:
            return f"{name}: reference"
        summary = self._summaries.get(frame)
        if summary is None:
            return f"{name}: no strain yet"
        quality, compression = summary.mean_quality, -100 * summary.median_strain
        facts = [] if math.isnan(quality) else [f"mean quality {quality:.2f}"]
        facts += [] if math.isnan(compression) else [f"median compression {compression:.2f} %"]
        return "\n".join((f"{name}: {', '.join(facts) or 'nothing valid'}", *sentences((summary.reliability,))))

    def _track(self) -> QRectF:
        return QRectF(MARGIN_PX, 4, self.width() - 2 * MARGIN_PX, self.height() - 8)

    def _column(self, frame: int) -> QRectF:
        track = self._track()
        width = track.width() / (self.maximum() + 1)
        gap = min(2.0, width * 0.2)
        return QRectF(track.left() + frame * width + gap / 2, track.top() + 3, width - gap, track.height() - 6)

    def _kept_strip(self) -> QImage:
        """Columns as they were painted last, unless something about them has changed."""
        shown = (self.size(), self.devicePixelRatioF(), self.maximum(), Theme.colors)
        if self._strip is None or shown != self._strip_of:
            self._strip, self._strip_of = self._paint_strip(), shown
        return self._strip

    def _paint_strip(self) -> QImage:
        """Paint all columns at once, screen pixel by pixel: thousands of frames then cost no more than ten."""
        ratio = self.devicePixelRatioF()
        track = self._track()
        width, height = max(round(track.width() * ratio), 1), max(round((track.height() - 6) * ratio), 1)
        count = self.maximum() + 1
        position = (np.arange(width) + 0.5) / width * count
        frame = np.minimum(position.astype(int), count - 1)
        share = np.full(count, np.nan)
        for estimated, summary in self._summaries.items():
            if estimated < count:
                share[estimated] = max(summary.mean_quality, 0.08) if summary.mean_quality > 0 else 0.08
        rows = (np.arange(height)[::-1, None] + 0.5) / height
        colors = Theme.colors
        codes = np.where(np.isnan(share[frame])[None, :], 0, np.where(rows <= share[frame][None, :], 2, 1))
        if self._reference is not None and self._reference < count:
            codes[:, frame == self._reference] = 3
        poor = np.zeros(count, bool)
        poor[[at for at, entry in self._summaries.items() if at < count and entry.reliability.verdict != "good"]] = True
        codes[: round(POOR_PX * ratio), poor[frame]] = 5
        if width / count > 4 * ratio:
            codes[:, (position - frame) * width / count < 2 * ratio] = 4
        waiting, rest = _mixed(colors.field, colors.muted, 0.3), _mixed(colors.field, colors.accent, 0.16)
        names = (waiting, rest, colors.accent, colors.muted, colors.field, colors.text)
        table = np.array([QColor(name).rgb() for name in names], np.uint32)
        pixels = np.ascontiguousarray(table[codes])
        strip = QImage(pixels.tobytes(), width, height, 4 * width, QImage.Format.Format_RGB32).copy()
        self._paint_compression(strip, ratio)
        return strip

    def _paint_compression(self, strip: QImage, ratio: float) -> None:
        """Draw the median strain of every frame as a line: its top is the strongest of all, its foot none."""
        known = {frame: abs(entry.median_strain) for frame, entry in self._summaries.items()}
        known = {frame: strain for frame, strain in known.items() if np.isfinite(strain) and frame <= self.maximum()}
        strongest = max(known.values(), default=0.0)
        if strongest <= 0:
            return
        column, height = strip.width() / (self.maximum() + 1), strip.height() - 6 * ratio
        places = (((frame + 0.5) * column, 1 - known[frame] / strongest) for frame in sorted(known))
        points = [QPointF(across, 3 * ratio + height * down) for across, down in places]
        painter = QPainter(strip)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for color, width in ((Theme.colors.field, 4.5), (Theme.colors.warning, 2.0)):
            painter.setPen(QPen(QColor(color), width * ratio))
            painter.drawPolyline(QPolygonF(points))
            if column > 12 * ratio or len(points) == 1:
                painter.setBrush(QColor(color))
                for point in points:
                    painter.drawEllipse(point, (width - 0.5) * ratio / 1.6, (width - 0.5) * ratio / 1.6)
        painter.end()

    def _paint_marks(self, painter: QPainter) -> None:
        colors = Theme.colors
        if self._reference is not None and self._reference <= self.maximum():
            column = self._column(self._reference)
            if column.width() >= 12:
                painter.setPen(QColor(colors.window))
                painter.drawText(column, Qt.AlignmentFlag.AlignCenter, "R")
        shown = self._column(self.sliderPosition())
        center = shown.center().x()
        painter.setPen(QPen(QColor(colors.text), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if shown.width() >= 5:
            painter.drawRoundedRect(shown.adjusted(-1, -1, 1, 1), 2, 2)
        else:
            painter.drawLine(QPointF(center, shown.top() - 2), QPointF(center, shown.bottom() + 2))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colors.text))
        top = self._track().top() - 4
        painter.drawPolygon(
            QPolygonF([QPointF(center - MARK_PX, top), QPointF(center + MARK_PX, top), QPointF(center, top + MARK_PX)])
        )


def _mixed(below: str, above: str, share: float) -> str:
    """Return a colour between two."""
    one, other = QColor(below), QColor(above)
    parts = ((one.red(), other.red()), (one.green(), other.green()), (one.blue(), other.blue()))
    return QColor(*(round(a + share * (b - a)) for a, b in parts)).name()
