"""A vertical colour bar: what the colours mean, in which unit, between which limits, and which end is stiff."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.state.raster import Table
from app.theme import Theme

BAR_PX = 14
TICK_PX = 4


class ColorBar(QWidget):
    """Paints a (256, 4) table with ticks, a title along it and a word at each end."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table: Table | None = None
        self._limits = (0.0, 1.0)
        self._title = ""
        self._ends = ("", "")
        self._made = QPixmap()
        self._made_of: tuple[object, ...] = ()
        self._span: tuple[int, int] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:
        """Return a width for the longest word at an end, the longest number and the title along them."""
        metrics = QFontMetrics(self._small_font())
        words = [word for end in self._ends for word in end.split("\n")]
        numbers = BAR_PX + TICK_PX + 8 + metrics.horizontalAdvance("\u22120.000") + metrics.height()
        return QSize(max(numbers, *(metrics.horizontalAdvance(word) + 4 for word in words)), 200)

    def _small_font(self) -> QFont:
        small = self.font()
        small.setPointSizeF(max(small.pointSizeF() * 0.86, 7))
        return small

    def show_scale(self, table: Table, limits: tuple[float, float], title: str, ends: tuple[str, str]) -> None:
        """Show these colours from `limits[0]` at the bottom to `limits[1]`; `ends` are the words at low and high."""
        if table is self._table and (limits, title, ends) == (self._limits, self._title, self._ends):
            return
        self._table = table
        self._limits = limits
        self._title = title
        if ends != self._ends:
            self._ends = ends
            self.updateGeometry()
        self.setAccessibleName(f"Colour bar: {title}")
        self.setAccessibleDescription(f"{limits[0]:g} ({ends[0]}) to {limits[1]:g} ({ends[1]})")
        self.setToolTip(f"{title}: {limits[0]:g} to {limits[1]:g}")
        self.update()

    def set_span(self, top: int, bottom: int) -> None:
        """Paint the bar itself between these heights, where the image beside it lies; the words go around it."""
        self._span = top, bottom
        self.update()

    def bar_rect(self) -> QRectF:
        """Return where the bar itself is painted."""
        margin = 2 * QFontMetrics(self._small_font()).height() + 6
        top, bottom = self._span or (margin, self.height() - margin)
        return QRectF(2, top, BAR_PX, max(bottom - top, 10))

    def clear(self) -> None:
        """Show nothing: there is no map to explain."""
        if self._table is not None:
            self._table = None
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the bar as it was made last, unless something about it has changed: text takes long to lay out."""
        if self._table is None:
            return
        ratio = self.devicePixelRatioF()
        shown = (id(self._table), self._limits, self._title, self._ends, self.size(), self._span, ratio, Theme.colors)
        if shown != self._made_of:
            self._made_of = shown
            self._made = QPixmap(self.size() * ratio)
            self._made.setDevicePixelRatio(ratio)
            self._made.fill(Qt.GlobalColor.transparent)
            self._paint_all(QPainter(self._made))
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._made)
        painter.end()

    def _paint_all(self, painter: QPainter) -> None:
        """Paint from top to bottom: high word, bar with ticks and title, low word."""
        painter.setFont(self._small_font())
        line = painter.fontMetrics().height()
        bar = self.bar_rect()
        self._paint_ends(painter, line, bar)
        painter.drawImage(bar, self._gradient())
        painter.setPen(QPen(QColor(Theme.colors.border), 1))
        painter.drawRect(bar)
        widest = self._paint_ticks(painter, bar, line)
        self._paint_title(painter, bar, bar.right() + TICK_PX + 6 + widest, line)
        painter.end()

    def _gradient(self) -> QImage:
        assert self._table is not None
        colors = np.ascontiguousarray(self._table[:0:-1, None, :3])
        colors = np.concatenate([colors, np.full((255, 1, 1), 255, np.uint8)], axis=2)
        return QImage(colors.tobytes(), 1, 255, 4, QImage.Format.Format_RGBA8888).copy()

    def _paint_ends(self, painter: QPainter, line: int, bar: QRectF) -> None:
        painter.setPen(QColor(Theme.colors.muted))
        low, high = (words.split("\n") for words in self._ends)
        for row, word in enumerate(reversed(high)):
            painter.drawText(QPointF(1, bar.top() - 5 - row * (line - 2)), word)
        for row, word in enumerate(low):
            painter.drawText(QPointF(1, bar.bottom() + line - 1 + row * (line - 2)), word)

    def _paint_ticks(self, painter: QPainter, bar: QRectF, line: int) -> float:
        painter.setPen(QColor(Theme.colors.text))
        widest = 0.0
        low, high = self._limits
        ticks = _ticks(low, high, max(2, int(bar.height() // (3.6 * line))))
        digits = _digits(ticks)
        for value in ticks:
            y = bar.bottom() - (value - low) / (high - low) * bar.height()
            painter.drawLine(QPointF(bar.right(), y), QPointF(bar.right() + TICK_PX, y))
            text = f"{value + 0.0:.{digits}f}".replace("-", "\u2212")
            widest = max(widest, painter.fontMetrics().horizontalAdvance(text))
            painter.drawText(QPointF(bar.right() + TICK_PX + 3, y + line * 0.32), text)
        return widest

    def _paint_title(self, painter: QPainter, bar: QRectF, x: float, line: int) -> None:
        painter.save()
        painter.setPen(QColor(Theme.colors.text))
        painter.translate(x, bar.center().y())
        painter.rotate(90)
        box = QRectF(-bar.height() / 2, -line, bar.height(), line)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._title)
        painter.restore()


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Limits themselves, and round values between them that do not crowd them."""
    span = high - low
    raw = span / most
    base = 10.0 ** np.floor(np.log10(raw))
    step = float(next(factor * base for factor in (1, 2, 2.5, 5, 10) if factor * base >= raw * 0.999))
    first = np.ceil(low / step) * step
    inner = [float(first + index * step) for index in range(int(span / step) + 2)]
    return [low, *(value for value in inner if low + 0.45 * step < value < high - 0.45 * step), high]


def _digits(ticks: list[float]) -> int:
    """Fewest decimals that tell all ticks exactly, at most three."""
    for digits in range(3):
        if all(abs(round(value, digits) - value) < 1e-6 for value in ticks):
            return digits
    return 3
