"""The method: which estimator, its parameters from its own dataclass, reference, strain window; run and cancel."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.controllers.commands import Commands
from app.controllers.pair_finding import PairFinding
from app.forms import ParameterForm
from app.panels.base import PANELS, Panel, PanelInfo
from app.panels.device_choice import DeviceChooser
from app.panels.frame_range import FrameRange
from app.state import MethodInfo, StrainMethodInfo, Tool, ViewerState
from app.theme import THEME_CHANGES, icon
from app.widgets.name_box import NameBox
from engine.frames import counted
from engine.pair_finder import PairReport
from engine.parameters import Parameters
from engine.pipeline import Preparation

PAIRINGS = {
    "fixed": "All with the reference",
    "sliding": "Each with the one before",
    "sliding added up": "Steps added up from the reference",
    "lag 2": "Each with the second before",
}
"""Usual pairs of frames; others are typed, such as lag 5, or 0-5, 2-7."""


def offered(report: PairReport) -> dict[str, str]:
    """Return what a look through a recording suggests as pairs, by its words."""
    best = report.pairs[:1]
    listed = ", ".join(f"{rest}-{pressed}" for rest, pressed in report.cycles)
    return {
        **{f"Best pair, {entry.reference}-{entry.deformed}": f"{entry.reference}-{entry.deformed}" for entry in best},
        **({} if (report.best_lag or 1) <= 2 else {f"Best lag, {report.best_lag}": f"lag {report.best_lag}"}),
        **({"Cycles, at rest to most compressed": listed} if len(report.cycles) > 1 else {}),
    }


class Section(QWidget):
    """A heading that folds what is under it."""

    def __init__(self, title: str, content: QWidget, *, open_at_start: bool) -> None:
        super().__init__()
        self._content = content
        self.button = QToolButton()
        self.button.setText(title)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setStyleSheet(
            "QToolButton { padding-left: 0; background: transparent; border-color: transparent; }"
        )
        self.button.toggled.connect(self.fold)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self.button)
        column.addWidget(content)
        self.button.setChecked(open_at_start)
        self.fold(open_at_start)

    @Slot(bool)
    def fold(self, shown: bool) -> None:
        """Show or hide the content."""
        self._content.setVisible(shown)
        self.button.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)


class MethodPanel(Panel):
    """Everything that decides a result."""

    def __init__(self, state: ViewerState, commands: Commands) -> None:
        super().__init__(state, commands)
        self._form: ParameterForm | None = None
        self._form_of = ""
        self._strain_form: ParameterForm | None = None
        self.method = NameBox()
        self.method.setAccessibleName("Method")
        self.method.setToolTip("How displacement is estimated; methods that cannot run here are grey")
        self.method.currentIndexChanged.connect(self._method_chosen)
        self.reference = QSpinBox()
        self.reference.setAccessibleName("Reference frame")
        self.reference.setToolTip("Frame, counted from 0, that all others are compared with; strain lies on its grid")
        self.reference.setKeyboardTracking(False)
        self.reference.valueChanged.connect(self._reference_chosen)
        self.here = QPushButton("Shown frame")
        self.here.setToolTip("Take the shown frame as the reference")
        self.here.clicked.connect(self._reference_here)
        self.frames = FrameRange()
        self.frames.changed.connect(commands.processing.set_frames)
        self.strain_method = NameBox()
        self.strain_method.setAccessibleName("Strain filter")
        self.strain_method.setToolTip("How strain is taken from displacement; changing it tracks nothing anew")
        self.strain_method.currentIndexChanged.connect(self._strain_method_chosen)
        self._strain_place = QVBoxLayout()
        self._parameters_place = QVBoxLayout()
        self.pairs = ParameterForm(Preparation, only=("pairing",), choices={"pairing": PAIRINGS})
        self.pairs.changed.connect(commands.processing.set_preparation)
        self._finding = commands.part(PairFinding)
        self._finding.found.connect(self._offer_pairs)
        self._finding.changed.connect(self.refresh)
        self.find_pairs = QPushButton("Find")
        self.find_pairs.setToolTip("Look for the best pair, reference, lag and cycles of compression in this recording")
        self.find_pairs.clicked.connect(self._finding.find)
        others = tuple(info.name for info in Preparation.describe() if info.name != "pairing")
        self.preparation = ParameterForm(Preparation, only=others)
        self.preparation.changed.connect(commands.processing.set_preparation)
        self.draw_part = QPushButton("Draw the part on an image")
        self.draw_part.setToolTip("Then drag a box on an image: strain is estimated in it alone")
        self.draw_part.clicked.connect(lambda: commands.regions.choose_tool(Tool.PART))
        self.device = DeviceChooser(state)
        self.run = QPushButton()
        self.run.setProperty("primary", True)
        self.run.setMinimumHeight(32)
        self.run.clicked.connect(self._run_pressed)
        self.status = QLabel()
        self.status.setObjectName("muted")
        self.status.setWordWrap(True)
        self._lay_out()
        state.methods_changed.connect(self._fill_methods)
        state.settings_changed.connect(self.refresh)
        state.runs_changed.connect(self.refresh)
        state.recording_changed.connect(self.refresh)
        state.estimate_arrived.connect(self._show_run)
        THEME_CHANGES.changed.connect(self._show_run)
        self._fill_methods()
        self.refresh()

    def _lay_out(self) -> None:
        reference = QHBoxLayout()
        reference.setSpacing(6)
        reference.addWidget(self.reference, 1)
        reference.addWidget(self.here)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(6)
        form.addRow("Method", self.method)
        pairs = QHBoxLayout()
        pairs.setSpacing(6)
        pairs.addWidget(self.pairs.editors["pairing"], 1)
        pairs.addWidget(self.find_pairs)
        form.addRow("Pairs", pairs)
        form.addRow("Reference", reference)
        form.addRow("Frames", self.frames)
        self.column.addLayout(form)
        heading = QLabel("Strain filter")
        heading.setObjectName("heading")
        self.column.addWidget(heading)
        self.column.addWidget(self.strain_method)
        self.column.addLayout(self._strain_place)
        self.column.addWidget(self.run)
        self.column.addWidget(self.status)
        parameters = QWidget()
        parameters.setLayout(self._parameters_place)
        self._parameters_place.setContentsMargins(0, 0, 0, 0)
        self.column.addWidget(Section("Method parameters", parameters, open_at_start=False))
        preparation = QWidget()
        below = QVBoxLayout(preparation)
        below.setContentsMargins(0, 0, 0, 0)
        below.addWidget(self.preparation)
        below.addWidget(self.draw_part)
        self.column.addWidget(Section("Preparation", preparation, open_at_start=False))
        self.column.addWidget(Section("Compute device", self.device, open_at_start=False))
        self.column.addStretch(1)

    @Slot()
    def refresh(self) -> None:
        """Show the settings in force and what can be done."""
        state = self.state
        frames = 0 if state.recording is None else state.recording.frames
        with QSignalBlocker(self.reference), QSignalBlocker(self.method), QSignalBlocker(self.strain_method):
            self.strain_method.setCurrentIndex(self.strain_method.findData(state.settings.strain_method))
            self.reference.setRange(0, max(frames - 1, 0))
            self.reference.setValue(state.settings.reference)
            self.method.setCurrentIndex(self.method.findData(state.settings.method))
        self.frames.show_frames(state.settings.frames, frames)
        fixed = state.settings.pairs.one_reference
        self.reference.setEnabled(frames > 1 and fixed)
        self.here.setEnabled(frames > 1 and fixed)
        self.method.setEnabled(bool(state.methods))
        linear = state.recording is not None and state.recording.sequence.geometry.sector is None
        self.draw_part.setEnabled(linear)
        self.find_pairs.setEnabled(frames > 1 and not self._finding.is_running())
        for part in (self.pairs, self.preparation):
            part.show_values(state.settings.preparation)
        self._show_form(state.settings.parameters)
        self._show_strain_form(state.settings.strain_parameters)
        self._show_run()

    def _show_run(self) -> None:
        state = self.state
        run = state.run
        running = run is not None and run.status == "running"
        resume = run is not None and run.status in {"cancelled", "failed"}
        self.run.setText("Cancel" if running else "Continue" if resume else "Estimate strain")
        self.run.setIcon(icon("cancel") if running else icon("estimate"))
        if self.run.property("primary") is not (not running):
            self.run.setProperty("primary", not running)
            self.run.style().unpolish(self.run)
            self.run.style().polish(self.run)
        complete = run is not None and run.status == "complete"
        ready = state.recording is not None and state.recording.frames > 1 and bool(state.methods)
        self.run.setEnabled(ready and not complete)
        self.status.setText(self._status())

    def _status(self) -> str:
        state = self.state
        if not state.methods:
            return "Loading methods\u2026"
        if state.recording is None:
            return "Open a recording first."
        if state.recording.frames < 2:
            return "This recording holds one frame: strain needs two."
        run = state.run
        if run is None:
            return f"Not estimated with these settings yet. {self._stopped()}".rstrip()
        frames = counted(len(run.store.frames()))
        words = {
            "waiting": "Not estimated with these settings yet.",
            "running": f"Estimating: {frames} done.",
            "complete": f"{frames} {run.how}.",
            "cancelled": f"Cancelled: {frames} kept.",
            "failed": f"Stopped by an error: {frames} kept.",
        }
        return words[run.status]

    def _stopped(self) -> str:
        """Name the run that was cancelled last: a change of settings does so without being asked."""
        stopped = [run for run in self.state.runs.values() if run.status == "cancelled"]
        if not stopped:
            return ""
        return f"{stopped[-1].title} was cancelled: {counted(len(stopped[-1].store.frames()))} kept."

    def _fill_methods(self) -> None:
        methods = [(entry, f"{entry.kind} method, called {entry.name}") for entry in self.state.methods]
        _fill(self.method, methods)
        _fill(self.strain_method, [(entry, f"called {entry.name}") for entry in self.state.strain_methods])
        self.strain_method.setVisible(self.strain_method.count() > 1)
        self.refresh()

    def _show_form(self, parameters: Parameters | None) -> None:
        method = self.state.method
        if method is None:
            return
        shown = parameters or method.params()
        if self._form is None or method.name != self._form_of:
            self._form_of = method.name
            if self._form is not None:
                self._parameters_place.removeWidget(self._form)
                self._form.deleteLater()
            self._form = ParameterForm(type(shown), choices=_weights(method))
            self._form.changed.connect(self.commands.processing.set_parameters)
            self._parameters_place.addWidget(self._form)
        if self._form.values() != shown:
            self._form.show_values(shown)

    def _show_strain_form(self, parameters: Parameters | None) -> None:
        if parameters is None:
            return
        if self._strain_form is None or type(parameters) is not type(self._strain_form.values()):
            if self._strain_form is not None:
                self._strain_place.removeWidget(self._strain_form)
                self._strain_form.deleteLater()
            self._strain_form = ParameterForm(type(parameters))
            self._strain_form.changed.connect(self.commands.processing.set_strain_parameters)
            self._strain_place.addWidget(self._strain_form)
        if self._strain_form.values() != parameters:
            self._strain_form.show_values(parameters)

    @Slot()
    def _method_chosen(self) -> None:
        self.commands.processing.choose_method(str(self.method.currentData()))

    @Slot(object)
    def _offer_pairs(self, report: PairReport) -> None:
        """Put what was found into the list of pairs, below the usual ones."""
        box = self.pairs.editors["pairing"]
        assert isinstance(box, QComboBox)
        with QSignalBlocker(box):
            while box.count() > len(PAIRINGS):
                box.removeItem(box.count() - 1)
            for words, text in offered(report).items():
                box.addItem(words, text)
        self.refresh()

    @Slot()
    def _strain_method_chosen(self) -> None:
        self.commands.processing.choose_strain_method(str(self.strain_method.currentData()))

    @Slot(int)
    def _reference_chosen(self, number: int) -> None:
        self.commands.processing.set_reference(number)

    @Slot()
    def _reference_here(self) -> None:
        self.commands.processing.set_reference(self.state.frame)

    @Slot()
    def _run_pressed(self) -> None:
        if self.commands.processing.is_running():
            self.commands.processing.cancel()
        else:
            self.commands.processing.start()


def _weights(method: MethodInfo) -> dict[str, dict[str, str]]:
    """List the weights that a method can run with, by their names; the usual ones need no name."""
    usual, *others = method.weights or ("",)
    return {"weights": {"": f"{usual} (usual)", **{name: name for name in others}}} if usual else {}


def _fill(box: QComboBox, entries: Sequence[tuple[MethodInfo | StrainMethodInfo, str]]) -> None:
    """List methods; those that cannot run are grey and say why."""
    with QSignalBlocker(box):
        box.clear()
        for row, (entry, words) in enumerate(entries):
            box.addItem(entry.title, entry.name)
            model = box.model()
            assert isinstance(model, QStandardItemModel)
            model.item(row).setEnabled(not entry.unavailable)
            model.item(row).setToolTip(entry.unavailable or words)


PANELS.register("method", PanelInfo("method", "Method", "left", MethodPanel))
