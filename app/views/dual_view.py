"""B-mode and strain side by side: one picture, one zoom, one cursor, the same regions in both."""

from functools import lru_cache, partial
from typing import Literal

import numpy as np
from PySide6.QtCore import QRectF, QSize, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from app.state import Display, Picture, Regions, Role, Tool
from app.state.image_grid import ImageGrid
from app.state.maps import ShownMap
from app.state.raster import (
    Limits,
    Table,
    bmode_decibel,
    color_table,
    grey_table,
    limits_of,
    shown_percent,
    shown_strain,
    strain_index,
)
from app.views.image_pane import ImagePane, image_scale
from app.views.linked_plots import LinkedPlots
from engine import quantity
from engine.types import Ellipse

LayoutName = Literal["automatic", "side by side", "stacked"]
LAYOUTS: tuple[LayoutName, ...] = ("automatic", "side by side", "stacked")
STACKING_GAIN = 1.2


class DualView(QWidget):
    """Draws a picture under display settings; everything the user does in it leaves as a signal."""

    cursor_moved = Signal(object)
    """(lateral, depth) in metres, or None."""
    region_edited = Signal(object, object, bool)
    """(Role, Ellipse, finished)."""
    region_drawn = Signal(object, bool)
    """(Ellipse, finished), with the tool in force."""
    region_picked = Signal(object)
    """Role, or None."""
    layout_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bmode = ImagePane("B-mode")
        self.strain = ImagePane("Axial strain")
        self._grid: ImageGrid | None = None
        self._picture: Picture | None = None
        self._display = Display()
        self._recording_limits: tuple[float, float] | None = None
        self._limits: Limits | None = None
        self._map: ShownMap | None = None
        self._extent = QRectF()
        self._layout: LayoutName = "automatic"
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(5)
        for pane in (self.bmode, self.strain):
            self._row.addWidget(pane, 1)
            self._connect(pane)
        self._linked = LinkedPlots([pane.plot for pane in self.panes], self)
        self._show_bars()

    def _connect(self, pane: ImagePane) -> None:
        pane.plot.cursor_moved.connect(self._tell_cursor)
        pane.plot.box.region_drawn.connect(partial(self._drawn, pane))
        pane.plot.box.empty_clicked.connect(partial(self.region_picked.emit, None))
        for role, item in pane.regions.items():
            item.edited.connect(partial(self._edited, pane, role))
            item.picked.connect(partial(self.region_picked.emit, role))

    @property
    def panes(self) -> tuple[ImagePane, ImagePane]:
        """Both panes, B-mode first."""
        return self.bmode, self.strain

    @property
    def limits(self) -> Limits | None:
        """Strain limits of the colour bar now."""
        return self._limits

    def show_grid(self, grid: ImageGrid) -> None:
        """Lay out the plane in which images lie, and show all of it."""
        self._grid = grid
        extent = self._extent = QRectF(*(1e3 * edge for edge in grid.edges_m()))
        self._arrange()
        for pane in self.panes:
            pane.set_extent(extent)
        self.fit()

    def show_picture(self, picture: Picture | None, recording_limits: tuple[float, float] | None) -> None:
        """Show everything of one frame; `recording_limits` are the strains that hold most of all frames."""
        self._picture = picture
        self._recording_limits = recording_limits
        self.bmode.image.set_indices(None if picture is None else picture.bmode)
        self._show_strain()

    def show_map(self, shown: ShownMap | None) -> None:
        """Show another map in place of the strain, or the strain again."""
        self._map = shown
        self._show_strain()

    @property
    def map(self) -> ShownMap | None:
        """The map that stands in place of the strain."""
        return self._map

    def show_display(self, display: Display, recording_limits: tuple[float, float] | None = None) -> None:
        """Show the same picture in another way; the limits of all frames are strain, or relative strain."""
        self._display = display
        self._recording_limits = recording_limits
        self._show_strain()

    def show_words(self, bmode: str, strain: str, message: str) -> None:
        """Set the two captions, and the words in the strain pane where it has nothing to show."""
        self.bmode.set_caption(bmode)
        self.strain.set_caption(strain)
        self.strain.set_message(message)

    def show_regions(self, regions: Regions, selection: Role | None) -> None:
        """Show the ellipses in both panes, where their tissue is in each if they follow it."""
        picture = self._picture
        self.bmode.show_regions(regions if picture is None else picture.on_bmode(regions), selection)
        self.strain.show_regions(regions if picture is None else picture.on_map(regions), selection)

    def show_tool(self, tool: Tool) -> None:
        """Let a drag draw, or pan."""
        for pane in self.panes:
            pane.plot.set_drawing(tool is not Tool.PAN)
            for item in pane.regions.values():
                item.set_mouse_enabled(tool is Tool.PAN)

    def show_cursor(self, place_m: tuple[float, float] | None) -> None:
        """Mark the cursor's place in both panes."""
        place = None if place_m is None else (place_m[0] * 1e3, place_m[1] * 1e3)
        for pane in self.panes:
            pane.plot.show_crosshair(place)

    def set_layout(self, layout: LayoutName) -> None:
        """Put the panes side by side, one above the other, or as the image's shape asks for."""
        changed = layout != self._layout
        self._layout = layout
        self._arrange()
        if changed:
            self.layout_changed.emit()

    def minimumSizeHint(self) -> QSize:
        """Return the size for one pane above the other, or beside it, whichever is smaller in each direction."""
        panes = [pane.minimumSizeHint() for pane in self.panes]
        return QSize(max(pane.width() for pane in panes), max(pane.height() for pane in panes))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Arrange the panes anew for the new size."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        width = max(pane.bar.sizeHint().width() for pane in self.panes)
        stacked = self._layout == "stacked"
        if self._layout == "automatic" and not self._extent.isEmpty():
            image = self._extent.width(), self._extent.height()
            stacked = better_stacked((self.width(), self.height()), image, width)
        direction = QBoxLayout.Direction.TopToBottom if stacked else QBoxLayout.Direction.LeftToRight
        if direction != self._row.direction():
            self._row.setDirection(direction)
        # Of equal size to the pixel, which keeps the two plots, and so their zoom, alike.
        across, down = ((length - self._row.spacing()) % 2 for length in self.size().toTuple())
        self._row.setContentsMargins(0, 0, 0 if stacked else across, down if stacked else 0)
        self._row.activate()  # now, else both are painted in the old order first
        for pane in self.panes:
            pane.set_bar_width(width)

    def fit(self) -> None:
        """Show the whole image."""
        self._linked.fit()

    def read_out(self, place_m: tuple[float, float]) -> str:
        """Say in words what lies at a place: position, strain, quality and B-mode level."""
        lateral_m, depth_m = place_m
        words = [f"lateral {lateral_m * 1e3:+.2f} mm", f"depth {depth_m * 1e3:.2f} mm"]
        picture, grid = self._picture, self._grid
        if picture is None or grid is None:
            return "   ".join(words)
        row, line = grid.pixel_at(lateral_m, depth_m)
        if picture.shown_strain is not None and picture.shown_quality is not None:
            percent = float(shown_percent(picture.shown_strain[row : row + 1, line : line + 1], self._display)[0, 0])
            words.append("strain \u2013" if np.isnan(percent) else f"strain {percent:.2f} %")
            if self._display.relative and self._map is None:
                there = shown_strain(
                    picture.shown_strain[row : row + 1, line : line + 1], self._display, picture.mean_strain
                )
                words.append("relative \u2013" if np.isnan(there[0, 0]) else f"relative {float(there[0, 0]):.2f}")
            quality = float(picture.shown_quality[row, line])
            words.append("quality \u2013" if np.isnan(quality) else f"quality {quality:.2f}")
        if self._map is not None:
            value = float(self._map.shown[row, line])
            label = self._map.entry.quantity.label.lower()
            words.append(f"{label} \u2013" if np.isnan(value) else f"{label} {value:.3g}")
        words.append(f"B-mode {bmode_decibel(int(picture.bmode[row, line])):.0f} dB")
        return "   ".join(word.replace(" -", " \u2212") for word in words)

    def _show_strain(self) -> None:
        display, picture = self._display, self._picture
        for pane in self.panes:
            pane.set_smooth(display.smooth)
        index = None
        if picture is not None and picture.shown_strain is not None:
            values = (
                self._map.shown
                if self._map is not None
                else shown_strain(picture.shown_strain, display, picture.mean_strain)
            )
            self._limits = self._choose_limits(picture)
            index = strain_index(values, picture.shown_quality, self._limits, display.quality_threshold)
        self.strain.image.set_indices(index)
        self.bmode.overlay.set_indices(index if display.overlay else None)
        self._show_bars()

    def _choose_limits(self, picture: Picture) -> Limits:
        display = self._display
        if self._map is not None and (self._map.kind != "truth" or display.relative):
            ends = self._map.range
            return Limits(0.0, 1.0) if ends is None else Limits(*quantity.limits_of(ends, self._map.entry.quantity))
        if display.limits == "manual":
            return Limits(*display.manual)
        whole = display.limits == "recording"
        strains = self._recording_limits if whole else picture.range
        if strains is None:
            return self._limits or Limits(0.0, 1.0)
        return limits_of(strains, display, 1.0 if whole else picture.mean_strain)

    def _show_bars(self) -> None:
        display = self._display
        grey = grey_table(display.dynamic_range_db)
        self.bmode.image.set_table(grey)
        self.bmode.bar.show_scale(
            _shown_greys(display.dynamic_range_db), (-display.dynamic_range_db, 0.0), "B-mode (dB)", ("", "")
        )
        name = ("" if self._map is None else self._map.entry.colormap) or display.colormap
        colors = color_table(name, reverse=display.reverse)
        strain = "Relative strain" if display.relative else "Axial strain"
        self.strain.set_title(strain if self._map is None else self._map.entry.title)
        self.strain.image.set_table(colors)
        self.bmode.overlay.set_table(color_table(name, reverse=display.reverse, opacity=display.overlay_opacity))
        shown = (
            quantity.strain_quantity(display.quantity, relative=display.relative)
            if self._map is None
            else self._map.entry.quantity
        )
        if self._limits is None or not self.strain.image.has_image():
            self.strain.bar.clear()
        else:
            self.strain.bar.show_scale(
                colors, (self._limits.low_percent, self._limits.high_percent), shown.label, shown.ends
            )

    def _edited(self, pane: ImagePane, role: Role, ellipse: Ellipse, finished: bool) -> None:
        self.region_edited.emit(role, self._as_drawn(pane, ellipse), finished)

    def _drawn(self, pane: ImagePane, ellipse: Ellipse, finished: bool) -> None:
        self.region_drawn.emit(self._as_drawn(pane, ellipse), finished)

    def _as_drawn(self, pane: ImagePane, ellipse: Ellipse) -> Ellipse:
        """Return an ellipse of a pane where regions that follow the tissue are drawn."""
        picture = self._picture
        points = None if picture is None else picture.points(bmode=pane is self.bmode)
        return ellipse if points is None else points.brought_back(ellipse)

    @Slot(object)
    def _tell_cursor(self, place_mm: tuple[float, float] | None) -> None:
        self.cursor_moved.emit(None if place_mm is None else (place_mm[0] * 1e-3, place_mm[1] * 1e-3))


def better_stacked(space: tuple[int, int], image: tuple[float, float], bar_px: int = 76) -> bool:
    """Say whether two images (width, height in mm) are larger one above the other in a space of pixels.

    Side by side is what people expect, so stacking must gain something.
    """
    return image_scale(space, image, 1, 2, bar_px) > STACKING_GAIN * image_scale(space, image, 2, 1, bar_px)


@lru_cache(maxsize=8)
def _shown_greys(dynamic_range_db: float) -> Table:
    """Part of the grey table that a dynamic range uses, stretched to 256; one array a range, so that bars are kept."""
    first = 255 - 255 * min(dynamic_range_db, 100.0) / 100.0
    shown: Table = grey_table(dynamic_range_db)[np.round(np.linspace(first, 255, 256)).astype(int)]
    return shown
