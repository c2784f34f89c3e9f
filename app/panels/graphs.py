"""One metric over all estimated frames."""

import math

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QComboBox

from app.controllers.commands import Commands
from app.panels.base import PANELS, DrawnPanel, PanelInfo
from app.state import ViewerState
from app.views.traces import TraceView
from engine.export.over_frames import over_frames
from engine.metrics.base import METRICS, metrics_shown
from engine.metrics.number_text import figures, three_figures
from engine.reliability.frame import worth_keeping

MAP_MEANS = ("map_mean_target", "map_mean_background")
"""Means of the map that is shown, where it is another than axial strain."""
APPEARS = {
    False: "Appears as frames are estimated.",
    True: "Appears where another map than axial strain is shown (View > Map).",
}


class GraphsPanel(DrawnPanel):
    """A choice of metric and its graph."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self.choice = QComboBox()
        self.choice.setAccessibleName("Metric of the graph")
        for metric in metrics_shown("panel"):
            if "strain" not in metric.needs:
                continue  # it is the same in all frames, or not measured in each
            self.choice.addItem(metric.short, metric.name)
            self.choice.setItemData(self.choice.count() - 1, metric.help, Qt.ItemDataRole.ToolTipRole)
        for name in MAP_MEANS:
            self.choice.addItem(METRICS.get(name).title, name)
            self.choice.setItemData(self.choice.count() - 1, METRICS.get(name).help, Qt.ItemDataRole.ToolTipRole)
        self.choice.setCurrentIndex(self.choice.findData("cnr"))
        self.graph = TraceView()
        self.graph.frame_requested.connect(commands.playback.show_frame)
        self.column.addWidget(self.choice)
        self.column.addWidget(self.graph, 1)
        self.column.addWidget(self.words)
        self.column.addStretch(0)
        self.choice.currentIndexChanged.connect(self.refresh)
        state.history_changed.connect(self.refresh_soon)
        state.frame_changed.connect(self._mark)
        state.recording_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Draw the chosen metric."""
        name = str(self.choice.currentData())
        frames = sorted(frame for frame, entry in self.state.history.items() if name in entry.values)
        entries = [self.state.history[frame].values[name] for frame in frames]
        values = [entry.value for entry in entries]
        count = 0 if self.state.recording is None else self.state.recording.frames
        self.graph.show_points(frames, values, METRICS.get(name).label, count)
        self._mark()
        finite = [value for value in values if math.isfinite(value)]
        self.graph.setVisible(bool(finite))
        there = f"{len(finite)} of {len(values)} frames have a value" if values else APPEARS[name in MAP_MEANS]
        self.words.setText("\n".join(filter(None, (there, self._over_frames(name)))))

    def _over_frames(self, name: str) -> str:
        """Say mean and deviation over the frames worth keeping; nothing where there are fewer than two."""
        run, history = self.state.run, self.state.history
        if run is None:
            return ""
        summaries = {frame: run.store.summary(frame) for frame in history if frame in run.store}
        kept = worth_keeping(entry.reliability for entry in summaries.values())
        found = over_frames({frame: entry.values for frame, entry in history.items()}, kept).get(name)
        if found is None or len(found.frames) < 2:
            return ""
        spread = f"{three_figures(found.mean)} \u00b1 {figures(found.deviation, 2)} {found.unit}".strip()
        return f"Mean \u00b1 sd {spread} over {len(found.frames)} frames worth keeping"

    @Slot()
    def _mark(self) -> None:
        self.graph.show_frame(self.state.frame)


PANELS.register("graphs", PanelInfo("graphs", "All frames", "right", GraphsPanel))
