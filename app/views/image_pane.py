"""One image with its title, caption, plot and colour bar; it shows what it is given.

The axes hug the image: the plot is as large as the pane lets the image be, never larger, and the bar is as tall.
"""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget
from superqt import QElidingLabel

from app.state import Regions, Role
from app.views.color_bar import ColorBar
from app.views.indexed_image import IndexedImage
from app.views.plot import AXES_PX, ImagePlot
from app.views.region_item import RegionItem
from engine.frames import frame_words

BADGE_PX = (8, 6)
"""Where the badge lies on the image, from its upper left corner."""
BADGE_FRAME_PX = 16
"""Width of padding and border, left and right together."""
HEADER_PX = 26
MARGIN_PX = 4
SMALLEST_IMAGE_PX = 60
TITLE_RIM_PX = 20
MESSAGE_FRAME_PX = 18
MESSAGE_PX = 380
"""Widest that words on an image get."""


def image_scale(space: tuple[int, int], image: tuple[float, float], columns: int, rows: int, bar_px: int = 76) -> float:
    """Pixels for a millimetre when images (width, height in mm) share a space of pixels in columns and rows."""
    (width, height), (wide, high) = space, image
    across = width / columns - AXES_PX.width() - bar_px - 2 * MARGIN_PX
    down = height / rows - AXES_PX.height() - HEADER_PX - 2 * MARGIN_PX
    return max(min(across / wide, down / high), 0.0)


def map_caption(title: str, frame: int, reference: int | None = None, more: str = "") -> str:
    """Say which frame and method a map is of: what is long comes last, for it may be cut."""
    return ", ".join(filter(None, (frame_words(frame, reference), title, more)))


class ImagePane(QFrame):
    """A base image, an image laid over it, the regions, and words where there is nothing to show."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._extent = QRectF()
        self._bar_px: int | None = None
        self.plot = ImagePlot(self)
        self.plot.setAccessibleName(f"{title} image")
        self.bar = ColorBar(self)
        self.image = IndexedImage()
        self.overlay = IndexedImage()
        self.regions = {role: RegionItem(role) for role in (Role.LESION, Role.BACKGROUND, Role.TARGET)}
        for layer, item in enumerate((self.image, self.overlay)):
            item.setZValue(layer)
            self.plot.addItem(item, ignoreBounds=True)
        for region in self.regions.values():
            self.plot.addItem(region, ignoreBounds=True)
        self._title = QLabel(title)
        self._title.setObjectName("paneTitle")
        self._caption = QElidingLabel()
        self._caption.setObjectName("muted")
        self._caption.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._badge = QLabel(self.plot)
        self._badge.setObjectName("badge")
        self._badge.setWordWrap(True)
        self._badge.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._badge.hide()
        self._banner = QLabel(self.plot)
        self._banner.setObjectName("banner")
        self._banner.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._banner.setWordWrap(True)
        self._banner.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._banner.hide()
        self._message = QLabel(self.plot)
        self._message.setObjectName("message")
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setWordWrap(True)
        self._message.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._message.hide()
        self._lay_out()

    def _lay_out(self) -> None:
        self._header = QWidget(self)
        header = QHBoxLayout(self._header)
        header.setContentsMargins(8, 0, 4, 0)
        header.addWidget(self._title)
        header.addWidget(self._caption, 1)

    def set_title(self, title: str) -> None:
        """Name what the pane shows."""
        self._title.setText(title)

    def set_caption(self, text: str) -> None:
        """Say of which frame and method the image is."""
        if text != self._caption.toolTip():
            self._caption.setText(text)
            self._caption.setToolTip(text)

    def set_badge(self, text: str) -> None:
        """Say on the image itself what must not be missed; empty for nothing."""
        if text != self._badge.text():
            self._badge.setText(text)
            self._badge.setVisible(bool(text))
            self._place_banner(self.plot.image_rect())

    def badge(self) -> str:
        """Return what is said on the image."""
        return self._badge.text()

    def set_banner(self, text: str) -> None:
        """Warn across the top of the image that it is not to be trusted; empty for nothing."""
        self._banner.setText(text)
        self._banner.setVisible(bool(text))
        self._place_banner(self.plot.image_rect())

    def banner(self) -> str:
        """Return the warning."""
        return self._banner.text()

    def set_message(self, text: str) -> None:
        """Say why there is no image and what to do; empty for nothing."""
        self._message.setText(text)
        self._message.setVisible(bool(text))
        self._place_message()

    def message(self) -> str:
        """Return what is said there."""
        return self._message.text()

    def set_extent(self, extent: QRectF) -> None:
        """Place both images, in millimetres."""
        self._extent = extent
        self.image.set_rect(extent)
        self.overlay.set_rect(extent)
        self.plot.set_extent(extent)
        self._arrange()

    def set_bar_width(self, pixels: int) -> None:
        """Give the colour bar this width: panes side by side need equal ones for equal images."""
        if pixels != self._bar_px:
            self._bar_px = pixels
            self._arrange()

    def minimumSizeHint(self) -> QSize:
        """Return a size in which an image can still be made out."""
        least = SMALLEST_IMAGE_PX + 2 * MARGIN_PX
        return QSize(AXES_PX.width() + self._bar_width() + least, AXES_PX.height() + HEADER_PX + least)

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate both images on screen, or not."""
        self.image.set_smooth(smooth)
        self.overlay.set_smooth(smooth)

    def show_regions(self, regions: Regions, selection: Role | None) -> None:
        """Show the ellipses."""
        for role, item in self.regions.items():
            item.set_ellipse(regions.get(role))
            item.set_selected(role is selection)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep everything in its place."""
        super().resizeEvent(event)
        self._arrange()

    def _bar_width(self) -> int:
        return self.bar.sizeHint().width() if self._bar_px is None else self._bar_px

    def _arrange(self) -> None:
        """Make the plot as large as the pane lets an image of this shape be; without one it takes all."""
        bar_px = self._bar_width()
        room = self.rect().adjusted(MARGIN_PX, MARGIN_PX, -MARGIN_PX, -MARGIN_PX)
        plot = QSize(room.width() - bar_px, room.height() - HEADER_PX)
        if not self._extent.isEmpty():
            wide, high = self._extent.width(), self._extent.height()
            inner = plot - AXES_PX
            scale = max(min(inner.width() / wide, inner.height() / high), 0.0)
            plot = QSize(round(wide * scale), round(high * scale)) + AXES_PX
        left = room.left() + (room.width() - plot.width() - bar_px) // 2
        top = room.top() + (room.height() - HEADER_PX - plot.height()) // 2
        self._header.setGeometry(left, top, max(plot.width(), self._title.sizeHint().width() + TITLE_RIM_PX), HEADER_PX)
        self.plot.setGeometry(left, top + HEADER_PX, plot.width(), plot.height())
        self.bar.setGeometry(left + plot.width(), top, bar_px, HEADER_PX + plot.height())
        image = self.plot.image_rect()
        self.bar.set_span(HEADER_PX + image.top(), HEADER_PX + image.bottom())
        self._place_banner(image)
        self._place_message(image)

    def _place_banner(self, image: QRect) -> None:
        """Put the banner across the image's top, and the badge below it."""
        height = self._banner.heightForWidth(image.width()) if self._banner.text() else 0
        self._banner.setGeometry(image.left(), image.top(), image.width(), height)
        line = self._badge.fontMetrics().horizontalAdvance(self._badge.text()) + BADGE_FRAME_PX
        width = min(line, image.width() - 2 * BADGE_PX[0])
        left, top = image.left() + BADGE_PX[0], image.top() + height + BADGE_PX[1]
        self._badge.setGeometry(left, top, width, self._badge.heightForWidth(width))

    def _place_message(self, image: QRect | None = None) -> None:
        if not self._message.text():
            return
        image = image or self.plot.image_rect()
        longest = self._message.fontMetrics().size(0, self._message.text()).width() + MESSAGE_FRAME_PX
        width = min(longest, max(image.width() - 16, 120), MESSAGE_PX)
        height = self._message.heightForWidth(width)
        left = image.left() + (image.width() - width) // 2
        self._message.setGeometry(left, image.bottom() - height - 8, width, height)  # below most ellipses
