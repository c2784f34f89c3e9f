"""The middle of the window: images and time line, or, without a recording, what to do. Binds state to views."""

import math
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.controllers.commands import Commands
from app.state import Picture, Regions, Role, Run, ViewerState
from app.state.maps import MapState
from app.state.recording import averaged_words
from app.views.dual_view import DualView
from app.views.image_pane import map_caption
from app.views.play_bar import PlayBar
from app.views.plot import ImagePlot
from engine.accumulation import drift_words
from engine.frames import frame_words
from engine.reliability.frame import sentences
from engine.types import Ellipse

TEXT_PX = 620
"""Width of a column of text that reads well."""
GATHER_MS = 60
"""Estimates that arrive within this time are shown on the time line together."""

NO_RF = "The recording of this result was not found:\nthere is no B-mode."

HARDLY_COMPRESSED = (
    "This frame was hardly compressed:\nits strain cannot be shown relative to its mean.\n"
    "Go to another frame, or turn \u201cRelative to mean\u201d off (N)."
)


NEXT_TURN_MS = 1
"""What is done after so long comes in a turn of its own, after input; after none at all Qt does it in the same turn."""


class Welcome(QWidget):
    """What is seen first: two buttons and one sentence."""

    open_requested = Signal()
    demo_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        title = QLabel("Open a recording or drop files here")
        title.setObjectName("emptyTitle")
        self.words = QLabel(
            "Raw RF frames of a linear or curved array. Several files of one frame each become one sequence."
        )
        self.formats = QLabel()
        for label in (self.words, self.formats):
            label.setObjectName("emptyText")
            label.setMaximumWidth(TEXT_PX)
        self.open_button = QPushButton("Open recording\u2026")
        self.open_button.setProperty("primary", True)
        self.open_button.clicked.connect(self.open_requested)
        self.demo_button = QPushButton("Open the example")
        self.demo_button.clicked.connect(self.demo_requested)
        for label in (title, self.words, self.formats):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setWordWrap(True)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (self.open_button, self.demo_button):
            button.setMinimumHeight(36)
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(14)
        column.addStretch(2)
        column.addWidget(title)
        for label in (self.words, self.formats):
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(label, 1000)
            row.addStretch(1)
            column.addLayout(row)
        column.addLayout(buttons)
        column.addStretch(3)

    def show_formats(self, names: Sequence[str]) -> None:
        """Name the formats that are read."""
        self.formats.setText(f"Formats: {', '.join(names)}.")


class Pages(QStackedWidget):
    """Pages of which the shown one alone says how small the stack may get."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(self.updateGeometry)

    def minimumSizeHint(self) -> QSize:
        """Return that of the shown page."""
        page = self.currentWidget()
        return super().minimumSizeHint() if page is None else page.minimumSizeHint()


class CentralArea(Pages):
    """Connects the state's signals to the views, and the views' requests to the controllers."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__()
        self._state = state
        self._commands = commands
        self._rehearsed = False
        self.welcome = Welcome()
        self.view = DualView()
        self.images = Pages()
        """What lies above the time line: the two images, or another view of the recording that a feature adds."""
        self.images.addWidget(self.view)
        self.play_bar = PlayBar()
        shown = QWidget()
        column = QVBoxLayout(shown)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self.images, 1)
        column.addWidget(self.play_bar)
        self.addWidget(self.welcome)
        self.addWidget(shown)
        self._listen()
        self._ask()
        self._recording_changed()

    def _listen(self) -> None:
        state = self._state
        state.recording_changed.connect(self._recording_changed)
        state.picture_changed.connect(self._show_picture)
        state.frame_changed.connect(self._show_frame)
        state.runs_changed.connect(self._show_runs)
        state.settings_changed.connect(self._show_runs)
        self._gather = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gather.timeout.connect(self._show_runs)
        state.estimate_arrived.connect(self._show_runs_soon)
        state.activity_changed.connect(self._show_words)
        state.methods_changed.connect(self._show_words)
        state.regions_changed.connect(self._show_regions)
        state.selection_changed.connect(self._show_regions)
        state.tool_changed.connect(self._show_tool)
        state.display_changed.connect(self._show_display)
        state.cursor_changed.connect(self._show_cursor)
        state.playing_changed.connect(self._show_playing)
        state.slice(MapState).map_changed.connect(self._show_map)

    def _ask(self) -> None:
        commands = self._commands
        self.view.cursor_moved.connect(self._state.set_cursor)
        self.view.region_edited.connect(self._region_edited)
        self.view.region_drawn.connect(commands.regions.draw)
        self.view.region_picked.connect(commands.regions.select)
        self.play_bar.frame_requested.connect(commands.playback.show_frame)
        self.play_bar.speed_requested.connect(commands.playback.set_speed)
        self.play_bar.first_requested.connect(commands.playback.first)
        self.play_bar.step_requested.connect(commands.playback.step)
        self.play_bar.play_requested.connect(commands.playback.toggle)
        self.play_bar.last_requested.connect(commands.playback.last)

    def showEvent(self, event: QShowEvent) -> None:
        """Rehearse once there is nothing else to do."""
        super().showEvent(event)
        QTimer.singleShot(0, self, self._rehearse)

    def _rehearse(self) -> None:
        """Paint the page of a recording once, unseen: its styles, fonts and layouts take long the first time."""
        if self._rehearsed or self.currentIndex():
            return
        self._rehearsed = True
        focused = self.window().focusWidget()
        self.setCurrentIndex(1)
        self.grab()
        self.setCurrentIndex(0)
        if focused is not None:
            focused.setFocus(Qt.FocusReason.OtherFocusReason)

    def take_keys(self) -> None:
        """Let the keys go to the images, or to whatever lies in their place."""
        page = self.images.currentWidget() if self.currentIndex() else self.welcome
        assert page is not None
        takers: list[QWidget] = page.findChildren(ImagePlot) or [page]
        if page.isVisible() and self.window().focusWidget() not in takers:
            takers[0].setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot(object, object, bool)
    def _region_edited(self, role: Role, ellipse: Ellipse, finished: bool) -> None:
        self._commands.regions.edit(role, ellipse, finished)

    @Slot()
    def _recording_changed(self) -> None:
        recording = self._state.recording
        self.setUpdatesEnabled(False)  # the first painting comes after all this, in a turn of its own
        QTimer.singleShot(NEXT_TURN_MS, self, partial(self.setUpdatesEnabled, True))
        self.setCurrentIndex(0 if recording is None else 1)
        if recording is not None:
            self.view.show_grid(recording.grid)
        self._show_display()
        self._show_regions()
        self._show_frame()
        self._show_runs()

    @Slot()
    def _show_picture(self) -> None:
        self.view.show_picture(self._state.picture, self._recording_limits())
        self._show_regions()
        self._keep_limits()
        self._show_words()
        self._show_cursor()

    @Slot()
    def _show_map(self) -> None:
        self.view.show_map(self._state.slice(MapState).map)
        self._show_words()
        self._show_cursor()

    @Slot()
    def _show_frame(self) -> None:
        recording = self._state.recording
        self.play_bar.show_frames(0 if recording is None else recording.frames, self._state.frame)
        self._show_words()

    @Slot()
    def _show_runs_soon(self) -> None:
        """Draw the time line for a handful of new frames together."""
        if not self._gather.isActive():
            self._gather.start()

    @Slot()
    def _show_runs(self) -> None:
        run = self._state.run
        summaries = {} if run is None else {frame: run.store.summary(frame) for frame in run.store.shown_frames()}
        fixed = self._state.settings.pairs.one_reference
        self.play_bar.show_summaries(summaries, self._state.settings.reference if fixed else None)
        self._show_words()

    @Slot()
    def _show_words(self) -> None:
        state, picture = self._state, self._state.picture
        run = state.run
        if picture is None:
            self.view.strain.set_badge("")
            self.view.strain.set_banner("")
            self.view.show_words("", "", "" if state.recording is None else "Reading\u2026")
            return
        of = frame_words(picture.bmode_frame)
        title = run.title if run is not None and picture.strain is not None else ""
        drift = drift_words(run.store.summary(picture.frame).report) if run and picture.frame in run.store else ""
        strain = map_caption(title, picture.frame, picture.reference_frame, drift)
        self.view.strain.set_badge(self._badge(picture))
        self.view.strain.set_banner(_warning(picture))
        has_rf = state.recording is None or state.recording.sequence.has_rf
        self.view.bmode.set_message("" if has_rf else NO_RF)
        self.view.show_words(of, strain, self._message(picture))

    def _badge(self, picture: Picture) -> str:
        """Say on the map which estimate it is while another is to come or has come, and how strain is averaged."""
        run = self._state.run
        if run is None or picture.strain is None:
            return ""
        stage = picture.stage if picture.stage == "first estimate" or run.status == "running" else ""
        later = ", refined when all frames are seen" if stage == "first estimate" and run.status == "running" else ""
        told = (stage + later, self._averaged(run, picture), self._moved(picture))
        words = " \u00b7 ".join(filter(None, told))
        return words[:1].upper() + words[1:]

    def _averaged(self, run: Run, picture: Picture) -> str:
        """Say over how many frames the strain is averaged, or why it is not although that was asked for."""
        if self.view.map is not None:
            return ""
        if picture.persistence > 1 and not run.settings.pairs.one_reference:
            return "not averaged: every frame has its own reference"
        return averaged_words(len(picture.averaged))

    def _moved(self, picture: Picture) -> str:
        """Say that map and regions are not where they were drawn."""
        shape = f"in the shape of frame {picture.frame}" if picture.shape is not None else ""
        tissue, regions = picture.tissue, self._state.regions
        if tissue is None or regions == Regions():
            return shape
        follow = f"regions follow the tissue from frame {tissue.home}"
        left = f"regions as drawn: no chain of pairs from frame {tissue.home}"
        return " \u00b7 ".join(filter(None, (shape, left if tissue.there is None else follow)))

    def _message(self, picture: Picture) -> str:
        if picture.strain is None:
            return self._why_empty(picture.frame)
        relative = self._state.display.relative and self.view.map is None
        return HARDLY_COMPRESSED if relative and math.isnan(picture.mean_strain) else ""

    def _why_empty(self, frame: int) -> str:
        """Say why there is no strain and what to do about it."""
        state = self._state
        run, recording = state.run, state.recording
        if recording is not None and recording.frames < 2:
            return "This recording holds one frame.\nStrain needs at least two."
        if not state.methods:
            return "Loading methods\u2026"
        name = state.method.title if state.method else state.settings.method
        if run is None or run.status == "waiting":
            return f"Not estimated with these settings yet ({name}).\nPress \u201cEstimate strain\u201d (Ctrl+R)."
        if frame == run.settings.reference and run.settings.pairs.one_reference:
            return "This is the reference frame: it has no strain.\nGo to another frame (arrow keys)."
        if run.settings.reference_of(frame) is None:
            return f"Frame {frame} is compared with no other\n(Pairs, beside the method: {run.settings.pairs.text})."
        chosen = run.settings.frames
        if chosen is not None and frame not in chosen:
            return f"Frame {frame} is not among the {len(chosen)} frames that were chosen\n(Frames, beside the method)."
        if run.status == "running":
            return self._waiting(frame, run)
        return "This frame was not estimated.\nPress \u201cContinue\u201d (Ctrl+R)."

    def _waiting(self, frame: int, run: Run) -> str:
        """Say what the shown frame waits for, and how long."""
        activity = self._state.activity
        if activity is None or activity.frame is None:
            return f"Frame {frame} waits\u2026"
        if activity.frame == frame:
            return f"Estimating frame {frame}\u2026"
        ahead = self._frames_ahead(frame, activity.frame, run)
        left = activity.left(ahead + 1)
        words = f"Frame {frame} waits behind {activity.frame}"
        if ahead > 1:
            words += f" and {ahead - 1} more:\nthis method goes through all frames from the reference"
        return f"{words}.\n{left.capitalize()} left." if left else f"{words}\u2026"

    def _frames_ahead(self, frame: int, now: int, run: Run) -> int:
        """Count the frames that are estimated before another: for most methods that of now alone."""
        settings, recording = run.settings, self._state.recording
        method = next((entry for entry in self._state.methods if entry.name == settings.method), None)
        fixed = settings.pairs.fixed
        if method is None or recording is None or not fixed or not method.is_recurrent(settings.parameters):
            return 1
        reference = settings.reference
        if (frame > reference) == (now > reference):
            return abs(frame - now)
        rest = recording.frames - 1 - now if now > reference else now
        return rest + abs(frame - reference)

    def _recording_limits(self) -> tuple[float, float] | None:
        run = self._state.run
        if run is None:
            return None
        return run.store.relative_range() if self._state.display.relative else run.store.strain_range()

    def _keep_limits(self) -> None:
        """Say what the strain is shown between, which is where limits by hand begin."""
        limits = self.view.limits if self.view.map is None else None
        self._state.shown_limits = None if limits is None else (limits.low_percent, limits.high_percent)

    @Slot()
    def _show_regions(self) -> None:
        self.view.show_regions(self._state.regions, self._state.selection)
        if self._state.display.follows:
            self._show_words()

    @Slot()
    def _show_tool(self) -> None:
        self.view.show_tool(self._state.tool)

    @Slot()
    def _show_display(self) -> None:
        self.view.show_display(self._state.display, self._recording_limits())
        self._keep_limits()
        self._show_words()

    @Slot()
    def _show_cursor(self) -> None:
        self.view.show_cursor(self._state.cursor)

    @Slot()
    def _show_playing(self) -> None:
        self.play_bar.show_playing(self._state.playing)


def _warning(picture: Picture) -> str:
    """Say why the shown frame is not to be trusted; nothing where it is."""
    words = " ".join(() if picture.reliability is None else sentences((picture.reliability,)))
    return words[:1].upper() + words[1:]
