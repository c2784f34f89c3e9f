"""Histograms of the shown map in both regions, in the shown frame; they follow every drag."""

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QLabel

from app.controllers.commands import Commands
from app.panels.base import PANELS, DrawnPanel, PanelInfo
from app.state import Role, ViewerState
from app.state.maps import MapState
from app.theme import THEME_CHANGES, Theme, role_color
from app.views.histogram import HistogramView
from engine.metrics.histogram import RegionHistogram, strain_histogram
from engine.metrics.number_text import three_figures
from engine.metrics.reasons import explain

WORDS = (
    "How the shown map is spread over the pixels of the target and of the background; the vertical lines are the "
    "means. Where the two overlap much, CNR is low."
)


class HistogramPanel(DrawnPanel):
    """The graph, and below it what it shows in numbers; nothing is computed while it is hidden."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self.graph = HistogramView()
        self.graph.setToolTip(WORDS)
        self.legends = {role: QLabel() for role in (Role.TARGET, Role.BACKGROUND)}
        self.column.addWidget(self.graph, 1)
        for role, legend in self.legends.items():
            legend.setTextFormat(Qt.TextFormat.RichText)
            legend.setAccessibleName(f"Histogram of the {role.value}")
            self.column.addWidget(legend)
        self.column.addWidget(self.words)
        self.column.addStretch(0)
        self._maps = state.slice(MapState)
        for signal in (
            state.picture_changed, state.regions_changed, state.display_changed, state.recording_changed,
            self._maps.map_changed, self._maps.kind_changed,
        ):  # fmt: skip
            signal.connect(self.refresh_soon)
        THEME_CHANGES.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Draw the histograms of the shown frame."""
        picture, recording = self.state.picture, self.state.recording
        values, quantity = self._maps.measured()
        if picture is None or recording is None or picture.strain is None:
            self._show_nothing("No strain in this frame.")
            return
        if values is None:
            return  # the map of this frame is on its way
        regions = picture.under(self.state.regions)
        found = strain_histogram(
            values,
            recording.sequence.geometry,
            regions.target,
            regions.background,
            quantity=quantity,
            window_m=picture.window_m,
        )
        if not found.edges.size and regions.target is None and regions.background is None:
            self._show_nothing("Draw a target (T) and a background (B) to see how the map is spread in them.")
            return
        self.graph.setVisible(bool(found.edges.size))
        self.graph.show_histogram(found, quantity.label)
        for role, region in ((Role.TARGET, found.target), (Role.BACKGROUND, found.background)):
            self.legends[role].setText(_legend(role, region, quantity.unit))
            self.legends[role].show()
        beyond = found.target.beyond + found.background.beyond
        text = "1 pixel lies" if beyond == 1 else f"{beyond} pixels lie"
        self.words.setText(f"{text} beyond the graph (over 5 standard deviations off)." if beyond else "")
        self.words.setVisible(bool(beyond))

    def _show_nothing(self, why: str) -> None:
        self.graph.hide()
        for legend in self.legends.values():
            legend.hide()
        self.words.setText(why)
        self.words.show()


def _legend(role: Role, region: RegionHistogram, unit: str) -> str:
    """Name a region with its line's dash, its mean, standard deviation and number of pixels."""
    dash = "\u2501\u2501\u2501" if role is Role.TARGET else "\u2501 \u2501"
    mark = f'<span style="color:{role_color(role.letter).name()}">{dash}</span>'
    name = f"{mark}&nbsp; {role.value.capitalize()}"
    if region.reason:
        return f'{name}: <span style="color:{Theme.colors.muted}">{explain(region.reason)}</span>'
    mean, deviation = (three_figures(value) for value in (region.mean, region.deviation))
    spread = f"{mean} \u00b1 {deviation} {unit}".rstrip()
    return f"{name}: {spread}, {region.count} px"


PANELS.register("histogram", PanelInfo("histogram", "Histogram", "right", HistogramPanel, beside="graphs"))
