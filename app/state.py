"""The truth of the window, with one signal for each part of it. Controllers write it; views and panels read it."""

import itertools
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.image_grid import ImageGrid
from app.run_store import RunStore
from engine.metrics.base import Measurement
from engine.parameters import Parameters, parameter
from engine.pipeline import Settings
from engine.types import Ellipse, Map, RFSequence


class Role(StrEnum):
    """What a region stands for."""

    TARGET = "target"
    BACKGROUND = "background"

    @property
    def letter(self) -> str:
        """Return the letter beside its outline, which is also its key."""
        return self.value[0].upper()


class Tool(StrEnum):
    """What a drag on an image does."""

    PAN = "pan"
    TARGET = "target"
    BACKGROUND = "background"


@dataclass(frozen=True)
class Regions:
    """The two ellipses; either may be absent."""

    target: Ellipse | None = None
    background: Ellipse | None = None

    def get(self, role: Role) -> Ellipse | None:
        """Return the ellipse of a role."""
        return self.target if role is Role.TARGET else self.background

    def replaced(self, role: Role, ellipse: Ellipse | None) -> "Regions":
        """Return the regions with one of them changed."""
        if role is Role.TARGET:
            return replace(self, target=ellipse)
        return replace(self, background=ellipse)


@dataclass(frozen=True)
class Display(Parameters):
    """How maps are shown; none of it changes a result."""

    dynamic_range_db: float = parameter(60.0, unit="dB", minimum=20, maximum=100, help="Dynamic range of the B-mode")
    bmode_frame: Literal["shown", "reference"] = parameter(
        "shown", help="B-mode of the shown frame, or of the reference frame, on whose grid the strain lies"
    )
    quantity: Literal["compressive", "signed", "magnitude"] = parameter(
        "compressive", help="Compression positive, elongation positive, or magnitude"
    )
    colormap: str = parameter("viridis", help="Colour map of the strain")
    reverse: bool = parameter(False, help="Turn the colour map round")
    limits: Literal["frame", "recording", "manual"] = parameter(
        "frame", help="Limits from this frame, from all frames, or by hand"
    )
    low_percent: float = parameter(0.0, unit="%", minimum=-100, maximum=100, help="Lower limit of the strain")
    high_percent: float = parameter(2.0, unit="%", minimum=-100, maximum=100, help="Upper limit of the strain")
    quality_threshold: float = parameter(
        0.0, minimum=0, maximum=1, help="Strain of lower quality (local correlation) is hidden"
    )
    overlay: bool = parameter(False, help="Lay the strain over the B-mode")
    overlay_opacity: float = parameter(0.5, minimum=0.05, maximum=1, help="Opacity of the strain over the B-mode")
    smooth: bool = parameter(True, help="Interpolate between pixels on screen")


@dataclass(frozen=True)
class MethodInfo:
    """One estimator as the method list shows it; `unavailable` says why it cannot run, or is empty."""

    name: str
    title: str
    kind: str
    params: type[Parameters]
    unavailable: str = ""


@dataclass(frozen=True)
class OpenRecording:
    """An open recording; `number` tells one opening from the next, `key` tells one file from another."""

    number: int
    sequence: RFSequence
    key: str = ""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.sequence.shape[0]

    @cached_property
    def grid(self) -> ImageGrid:
        """Where the pixels of the shown images lie."""
        return ImageGrid(self.sequence.geometry, self.sequence.shape[1:])


KEPT_RUNS = 8
"""Runs kept on disk side by side; the oldest goes first."""

RunStatus = Literal["running", "complete", "cancelled", "failed"]


@dataclass
class Run:
    """One run of the chain with fixed settings; its estimates arrive frame by frame in the store."""

    number: int
    recording: int
    settings: Settings
    title: str
    store: RunStore
    status: RunStatus = "running"
    device: str = ""


@dataclass(frozen=True)
class Picture:
    """Everything that is shown of one frame, prepared together, so that nothing on screen can disagree.

    `bmode` is stored as `app.raster` says. Strain and quality, on the recording's grid (H, W), are None where the frame
    has no estimate; `shown_strain` and `shown_quality` are the same on the grid of the screen, as `bmode` is.
    """

    recording: int
    frame: int
    bmode_frame: int
    bmode: NDArray[np.uint8]
    run: int | None = None
    reference_frame: int | None = None
    window_m: float = 0.0
    strain: Map | None = None
    quality: Map | None = None
    shown_strain: Map | None = None
    shown_quality: Map | None = None
    range: tuple[float, float] | None = None
    """Stored strain that 96 % of the map lie between, or None where there is no valid pixel."""


@dataclass(frozen=True)
class Activity:
    """What the engine is busy with; `total` 0 means that its length is not known."""

    title: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class FrameMeasurements:
    """All metrics of one frame."""

    frame: int
    values: Mapping[str, Measurement] = field(default_factory=dict)


class ViewerState(QObject):
    """Everything the window knows. Setters compare before they tell; signals carry nothing, readers look here."""

    recording_changed = Signal()
    frame_changed = Signal()
    settings_changed = Signal()
    methods_changed = Signal()
    runs_changed = Signal()
    estimate_arrived = Signal(int, int)
    picture_changed = Signal()
    regions_changed = Signal()
    selection_changed = Signal()
    tool_changed = Signal()
    display_changed = Signal()
    activity_changed = Signal()
    measurements_changed = Signal()
    history_changed = Signal()
    playing_changed = Signal()
    cursor_changed = Signal()
    notice_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._folder = tempfile.TemporaryDirectory(prefix="strainscope-", ignore_cleanup_errors=True)
        self.recording: OpenRecording | None = None
        self.frame = 0
        self.methods: tuple[MethodInfo, ...] = ()
        self.settings = Settings(method="ncc")
        self.runs: dict[Settings, Run] = {}
        self.picture: Picture | None = None
        self.regions = Regions()
        self.selection: Role | None = None
        self.tool = Tool.PAN
        self.display = Display()
        self.activity: Activity | None = None
        self.measurements = FrameMeasurements(0)
        self.history: dict[int, FrameMeasurements] = {}
        self.playing = False
        self.cursor: tuple[float, float] | None = None
        self.notice = ""

    @property
    def run(self) -> Run | None:
        """The run of the present settings, if there is one; no other run is ever shown."""
        return self.runs.get(self.settings)

    @property
    def method(self) -> MethodInfo | None:
        """The method of the present settings."""
        return next((entry for entry in self.methods if entry.name == self.settings.method), None)

    def set_recording(self, sequence: RFSequence | None, key: str = "") -> None:
        """Show another recording: every run, picture and region of the old one goes."""
        for run in self.runs.values():
            run.store.discard()
        self.runs = {}
        self.recording = None if sequence is None else OpenRecording(next(self._numbers), sequence, key)
        self.picture = None
        self.frame = 0
        self.regions = Regions()
        self.selection = None
        self.measurements = FrameMeasurements(0)
        self.history = {}
        self.cursor = None
        self.settings = replace(self.settings, reference=0, frames=None)
        self.recording_changed.emit()
        self.settings_changed.emit()
        self.runs_changed.emit()
        self.regions_changed.emit()
        self.frame_changed.emit()
        self.picture_changed.emit()
        self.measurements_changed.emit()
        self.history_changed.emit()

    def set_frame(self, frame: int) -> None:
        """Ask for another frame; the picture follows."""
        if self.recording is None:
            return
        frame = max(0, min(frame, self.recording.frames - 1))
        if frame != self.frame:
            self.frame = frame
            self.frame_changed.emit()

    def set_methods(self, methods: tuple[MethodInfo, ...]) -> None:
        """Set the list of methods."""
        self.methods = methods
        self.methods_changed.emit()

    def set_settings(self, settings: Settings) -> None:
        """Choose how strain is estimated; a run with just these settings is shown if there is one."""
        if settings != self.settings:
            self.settings = settings
            self.settings_changed.emit()
            self.runs_changed.emit()

    def add_run(self, title: str) -> Run:
        """Begin a run with the present settings."""
        if self.recording is None:
            raise RuntimeError("a run needs a recording")
        number = next(self._numbers)
        store = RunStore(Path(self._folder.name) / f"run_{number}", self.recording.sequence.geometry)
        run = Run(number, self.recording.number, self.settings, title, store)
        replaced = self.runs.pop(self.settings, None)
        if replaced is not None:
            replaced.store.discard()
        self.runs[self.settings] = run
        for settings in [key for key in self.runs if key != self.settings][: -(KEPT_RUNS - 1)]:
            self.runs.pop(settings).store.discard()
        self.runs_changed.emit()
        return run

    def set_run_status(self, run: Run, status: RunStatus) -> None:
        """Say how a run goes."""
        run.status = status
        self.runs_changed.emit()

    def tell_estimate(self, run: Run, frame: int) -> None:
        """Say that a frame of a run is there."""
        self.estimate_arrived.emit(run.number, frame)

    def set_picture(self, picture: Picture | None) -> None:
        """Show what was prepared of a frame."""
        self.picture = picture
        self.picture_changed.emit()

    def set_regions(self, regions: Regions) -> None:
        """Set both ellipses."""
        if regions != self.regions:
            self.regions = regions
            if self.selection is not None and regions.get(self.selection) is None:
                self.set_selection(None)
            self.regions_changed.emit()

    def set_selection(self, role: Role | None) -> None:
        """Select one ellipse, or none."""
        if role != self.selection:
            self.selection = role
            self.selection_changed.emit()

    def set_tool(self, tool: Tool) -> None:
        """Choose what a drag on an image does."""
        if tool != self.tool:
            self.tool = tool
            self.tool_changed.emit()

    def set_display(self, display: Display) -> None:
        """Choose how maps are shown."""
        if display != self.display:
            self.display = display
            self.display_changed.emit()

    def set_activity(self, activity: Activity | None) -> None:
        """Say what the engine is busy with."""
        if activity != self.activity:
            self.activity = activity
            self.activity_changed.emit()

    def set_measurements(self, measurements: FrameMeasurements) -> None:
        """Set the metrics of the shown frame."""
        self.measurements = measurements
        self.measurements_changed.emit()

    def set_history(self, history: dict[int, FrameMeasurements]) -> None:
        """Set the metrics of every estimated frame."""
        self.history = history
        self.history_changed.emit()

    def set_playing(self, playing: bool) -> None:
        """Play or pause."""
        if playing != self.playing:
            self.playing = playing
            self.playing_changed.emit()

    def set_cursor(self, position: tuple[float, float] | None) -> None:
        """Set the place under the mouse: lateral and depth in metres."""
        if position != self.cursor:
            self.cursor = position
            self.cursor_changed.emit()

    def set_notice(self, text: str) -> None:
        """Say something that stays readable until the next thing is said."""
        self.notice = text
        self.notice_changed.emit()

    def close(self) -> Self:
        """Delete the temporary results."""
        self._folder.cleanup()
        return self
