"""The recording: name, size, geometry, each value with where it comes from."""

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton

from app.controllers.commands import Commands
from app.panels.base import PANELS, Panel, PanelInfo
from app.state import ViewerState
from app.state.geometry_fields import FIELDS, SOURCES


class RecordingPanel(Panel):
    """Facts of the open recording."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self.name = QLabel()
        self.name.setObjectName("heading")
        self.name.setWordWrap(True)
        self.facts = QLabel()
        self.facts.setObjectName("muted")
        self.facts.setWordWrap(True)
        self.column.addWidget(self.name)
        self.column.addWidget(self.facts)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        self.values: dict[str, QLabel] = {}
        self.sources: dict[str, QLabel] = {}
        for row, (name, info) in enumerate(FIELDS.items()):
            label = QLabel(info.label)
            label.setObjectName("muted")
            self.values[name] = QLabel()
            self.sources[name] = QLabel()
            grid.addWidget(label, row, 0)
            grid.addWidget(self.values[name], row, 1)
            grid.addWidget(self.sources[name], row, 2)
        self.column.addLayout(grid)
        self.edit = QPushButton("Edit geometry\u2026")
        self.edit.setToolTip("Change sampling rate, pitch and the other values of this recording")
        self.edit.clicked.connect(commands.files.edit_geometry)
        self.column.addWidget(self.edit)
        self.column.addStretch(1)
        state.recording_changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the open recording."""
        recording = self.state.recording
        self.edit.setEnabled(self.commands.files.can_edit_geometry())
        if recording is None:
            self.name.setText("No recording")
            self.facts.setText("Open one with Ctrl+O, or drop files on the window.")
        else:
            sequence = recording.sequence
            frames, rows, lines = sequence.shape
            self.name.setText(sequence.name)
            self.name.setToolTip("\n".join(str(path) for path in sequence.paths[:20]))
            self.facts.setText(f"{sequence.format}\n{frames} frames, {rows} samples \u00d7 {lines} lines")
        for name, info in FIELDS.items():
            value = None if recording is None else getattr(recording.sequence.geometry, name)
            self.values[name].setText(
                "\u2013"
                if value is None
                else f"{value * info.scale:.{info.decimals}f}".rstrip("0").rstrip(".") + f" {info.unit}"
            )
            source = "" if recording is None or value is None else getattr(recording.sequence.geometry.sources, name)
            self._show_source(name, source)

    def _show_source(self, name: str, source: str) -> None:
        label = self.sources[name]
        label.setText({"file": "file", "user": "you", "assumed": "assumed"}.get(source, ""))
        label.setToolTip(f"This value is {SOURCES[source]}." if source else "")
        label.setObjectName("warning" if source == "assumed" else "muted")
        label.style().unpolish(label)
        label.style().polish(label)


PANELS.register("recording", PanelInfo("recording", "Recording", "left", RecordingPanel, beside="method"))
