"""One image with its title, caption, plot and colour bar; it shows what it is given."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget
from superqt import QElidingLabel

from app.state import Regions, Role
from app.views.color_bar import ColorBar
from app.views.indexed_image import IndexedImage
from app.views.plot import ImagePlot
from app.views.region_item import RegionItem

BADGE_PX = (56, 10)
"""Where the badge lies in the plot: just inside its axes."""
FRAME_PX = (130, 80)
"""Room for axes, colour bar and header around an image."""


def image_scale(space: tuple[int, int], image: tuple[float, float], columns: int, rows: int) -> float:
    """Pixels for a millimetre when images (width, height in mm) share a space of pixels in columns and rows."""
    (width, height), (wide, high) = space, image
    return max(min((width / columns - FRAME_PX[0]) / wide, (height / rows - FRAME_PX[1]) / high), 0.0)


class ImagePane(QFrame):
    """A base image, an image laid over it, the regions, and words where there is nothing to show."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.plot = ImagePlot()
        self.plot.setAccessibleName(f"{title} image")
        self.bar = ColorBar()
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
        self._badge.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._badge.move(*BADGE_PX)
        self._badge.hide()
        self._message = QLabel(self.plot)
        self._message.setObjectName("message")
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setWordWrap(True)
        self._message.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._message.hide()
        self._lay_out()

    def _lay_out(self) -> None:
        header = QHBoxLayout()
        header.setContentsMargins(10, 6, 10, 0)
        header.addWidget(self._title)
        header.addWidget(self._caption, 1)
        body = QHBoxLayout()
        body.setContentsMargins(0, 0, 4, 4)
        body.setSpacing(2)
        body.addWidget(self.plot, 1)
        body.addWidget(self.bar)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(header)
        column.addLayout(body, 1)

    def set_title(self, title: str) -> None:
        """Name what the pane shows."""
        self._title.setText(title)

    def set_caption(self, text: str) -> None:
        """Say of which frame and method the image is."""
        self._caption.setText(text)
        self._caption.setToolTip(text)

    def set_badge(self, text: str) -> None:
        """Say on the image itself what must not be missed; empty for nothing."""
        self._badge.setText(text)
        self._badge.adjustSize()
        self._badge.setVisible(bool(text))

    def badge(self) -> str:
        """Return what is said on the image."""
        return self._badge.text()

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
        self.image.set_rect(extent)
        self.overlay.set_rect(extent)
        self.plot.set_extent(extent)

    def set_smooth(self, smooth: bool) -> None:
        """Interpolate both images on screen, or not."""
        self.image.set_smooth(smooth)
        self.overlay.set_smooth(smooth)

    def show_regions(self, regions: Regions, selection: Role | None) -> None:
        """Show the ellipses."""
        for role, item in self.regions.items():
            item.set_ellipse(regions.get(role))
            item.set_selected(role is selection)

    def restyle(self) -> None:
        """Take the colours of the theme in force."""
        self.plot.restyle()
        for item in self.regions.values():
            item.restyle()
        self.bar.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the words in their place."""
        super().resizeEvent(event)
        self._place_message()

    def _place_message(self) -> None:
        self._message.setMaximumWidth(max(self.plot.width() - 80, 120))
        self._message.adjustSize()
        room = self.plot.size() - self._message.size()
        self._message.move(room.width() // 2 + 20, room.height() * 3 // 4)  # below most ellipses
