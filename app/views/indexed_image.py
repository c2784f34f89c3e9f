"""An image of 256 colours in a plot: the fast way to paint a map, with half-pixel edges where they belong."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from app.state.raster import Indices, Table


class IndexedImage(pg.GraphicsObject):
    """Paints an (H, W) uint8 index image through a (256, 4) table into a rectangle of the plot."""

    def __init__(self) -> None:
        super().__init__()
        self._indices: Indices | None = None
        self._table: Table | None = None
        self._image: QImage | None = None
        self._rect = QRectF()
        self._smooth = True

    def set_rect(self, rect: QRectF) -> None:
        """Place the image: the rectangle's edges are the outer edges of the outermost pixels."""
        if rect != self._rect:
            self.prepareGeometryChange()
            self._rect = rect
            self.update()

    def set_indices(self, indices: Indices | None) -> None:
        """Show another image, or nothing."""
        self._indices = None if indices is None else np.ascontiguousarray(indices)
        self._image = None
        self.update()

    def set_table(self, table: Table) -> None:
        """Show the image in other colours."""
        if table is not self._table:
            self._table = table
            self._image = None
            self.update()

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate between pixels, or show them as they are."""
        if smooth != self._smooth:
            self._smooth = smooth
            self.update()

    def has_image(self) -> bool:
        """Say whether there is anything to paint."""
        return self._indices is not None

    def boundingRect(self) -> QRectF:
        """Return the image's rectangle."""
        return self._rect

    def paint(self, painter: QPainter, *_unused: object) -> None:
        """Paint the image; it is turned into true colour once, because Qt does so at every smooth paint otherwise."""
        if self._indices is None or self._table is None:
            return
        if self._image is None:
            self._image = _true_color(self._indices, self._table)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
        painter.drawImage(self._rect, self._image)


def _true_color(indices: Indices, table: Table) -> QImage:
    rows, lines = indices.shape
    image = QImage(indices.data, lines, rows, lines, QImage.Format.Format_Indexed8)
    alpha, red, green, blue = (table[:, channel].astype(np.uint32) for channel in (3, 0, 1, 2))
    image.setColorTable([int(color) for color in (alpha << 24) | (red << 16) | (green << 8) | blue])
    return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
