"""Asks for what a file does not say: geometry, and where open, which array and which axes. Marks what is assumed."""

from collections.abc import Mapping

from PySide6.QtCore import QSignalBlocker, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from app.controllers.files import geometry_error
from app.controllers.reading import OpenedFile
from app.features.opening.data_choices import AXES, DataChoices, number_box
from app.features.opening.layout_form import LayoutForm
from app.state.geometry_answer import GeometryAnswer
from app.state.geometry_fields import FIELDS, SOURCES, FieldInfo
from app.widgets.number_box import NumberBox
from app.widgets.scrolled_dialog import lay_out_scrolled
from engine.readers.base import ASSUMED, REQUIRED, ReadOptions
from engine.readers.common.unfold import folding_note, folding_problem, is_folded, unfolding_factor

SPACING = FieldInfo("or axial spacing", "mm", 1e3, 6, 100)
"""Another way to say the sampling rate: files that are thought of as images give the distance of their rows."""


INCOMPLETE = (
    "The file does not say everything that depths, millimetres and strain depend on. "
    "What you enter here is remembered for this recording."
)
COMPLETE = "The file says all of it. What it is to be taken for can be chosen below, and is remembered."


class GeometryDialog(QDialog):
    """One row a value; a value that has to be given and is not yet keeps the dialog from closing."""

    suggestions_wanted = Signal(object)
    """(values given so far, SI): something may be measured from the RF now."""

    def __init__(self, opened: OpenedFile, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._opened = opened
        recording = opened.recording
        self.setWindowTitle("Geometry of the recording")
        self.editors: dict[str, NumberBox] = {}
        self._marks: dict[str, QLabel] = {}
        self._touched: set[str] = set(opened.answer.values) if opened.answer else set()
        self._suggested = dict(opened.suggested)
        self._by_spacing = False
        """The user gave the distance of the samples, which stays when the speed of sound changes."""
        self._ask_later = QTimer(self, singleShot=True, interval=300)
        self._ask_later.timeout.connect(self._ask_suggestions)
        frames, rows, lines = recording.shape
        head = QLabel(
            f"{recording.paths[0].name}" + (f" and {len(recording.paths) - 1} more" if len(recording.paths) > 1 else "")
        )
        head.setObjectName("heading")
        facts = QLabel(f"{recording.format} \u00b7 {frames} frames of {rows} samples \u00d7 {lines} lines")
        facts.setObjectName("muted")
        words = QLabel(COMPLETE if recording.known.keys() >= FIELDS.keys() else INCOMPLETE)
        words.setWordWrap(True)
        content = QWidget()
        column = QVBoxLayout(content)
        column.addStrut(434)
        column.setSpacing(10)
        column.setContentsMargins(0, 0, 8, 0)
        for widget in (head, facts, words):
            column.addWidget(widget)
        self._add_choices(column)
        layout = opened.answer.options.layout if opened.answer else None
        self.layout_form = None if layout is None else LayoutForm(recording.paths[0], layout)
        if self.layout_form is not None:
            self.layout_form.changed.connect(self._check)
            column.addWidget(self.layout_form)
        column.addLayout(self._values())
        self.choices = DataChoices(opened.answer.options if opened.answer else ReadOptions())
        self.choices.angle.valueChanged.connect(self._check)
        self.choices.kind.currentIndexChanged.connect(self._check)
        column.addWidget(self.choices)
        labels = [label for label in content.findChildren(QLabel) if label.buddy() is not None]
        widest = max(label.sizeHint().width() for label in labels)
        for label in labels:
            label.setMinimumWidth(widest)
        if recording.notes:
            column.addWidget(_muted("\n".join(recording.notes)))
        self._error = QLabel()
        self._error.setObjectName("warning")
        self._error.setWordWrap(True)
        self._error.setMinimumHeight(2 * self.fontMetrics().height())
        column.addWidget(self._error)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Open recording")
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setProperty("primary", True)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        lay_out_scrolled(self, content, self._buttons)
        self._check()

    def answer(self) -> GeometryAnswer:
        """Return what was entered, in SI units; values left as they were proposed stay assumed."""
        values = {name: value for name, value in self._given().items() if name in self._touched}
        kind, sector = self.choices.chosen_kind(), self.choices.sector()
        layout = None if self.layout_form is None else self.layout_form.text()
        options = ReadOptions(self._chosen(self.variable), self._chosen(self.axes), kind, sector=sector, layout=layout)
        return GeometryAnswer(values, options)

    def _add_choices(self, column: QVBoxLayout) -> None:
        recording = self._opened.recording
        self.variable = QComboBox()
        self.variable.addItems(recording.variables)
        self.variable.setAccessibleName("Array")
        self.axes = QComboBox()
        self.axes.setAccessibleName("Axes")
        for axes, words in AXES.items():
            if len(axes) == len(recording.axes):
                self.axes.addItem(words, axes)
        self.axes.setCurrentIndex(max(self.axes.findData(recording.axes), 0))
        chosen = recording.variable if recording.variable in recording.variables else None
        if chosen:
            self.variable.setCurrentText(chosen)
        form = QFormLayout()
        if len(recording.variables) > 1:
            form.addRow("Array", self.variable)
        if recording.axes_assumed or (self._opened.answer and self._opened.answer.options.axes):
            form.addRow("Order of its axes", self.axes)
        if form.rowCount():
            column.addLayout(form)

    def _chosen(self, box: QComboBox) -> str | None:
        if box is self.variable:
            return box.currentText() if box.count() > 1 else None
        changed = self._opened.recording.axes_assumed or box.currentData() != self._opened.recording.axes
        return str(box.currentData()) if changed and box.count() else None

    def _values(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(7)
        grid.setColumnStretch(1, 1)
        rows: list[tuple[FieldInfo, NumberBox, QLabel]] = []
        for name, info in FIELDS.items():
            self._marks[name] = QLabel()
            rows.append((info, self._editor(name, info), self._marks[name]))
            if name == "sampling_hz":
                rows.append((SPACING, self._spacing_editor(), QLabel("c / 2 f")))
        for row, (info, editor, mark) in enumerate(rows):
            label = QLabel(info.label)
            label.setBuddy(editor)
            mark.setObjectName("muted")
            mark.setMinimumWidth(self.fontMetrics().horizontalAdvance("measured, please check") + 4)
            for place, widget in enumerate((label, editor, mark)):
                grid.addWidget(widget, row, place)
        self._show_spacing()
        return grid

    def _editor(self, name: str, info: FieldInfo) -> NumberBox:
        editor = self.editors[name] = number_box(info)
        editor.setProperty("field", name)
        # The smallest value stands for "not given"; depth may be negative, everything else is positive.
        editor.setRange(-info.maximum if name == "start_depth_m" else 0, info.maximum)
        editor.setSpecialValueText("not given" if name == "frame_rate_hz" else "please enter")
        value = self._proposed(name)
        editor.setValue(editor.minimum() if value is None else value * info.scale)
        editor.setEnabled(name not in self._opened.recording.known)
        editor.valueChanged.connect(self._edited)
        editor.editingFinished.connect(self._show_suggested)
        return editor

    def _spacing_editor(self) -> NumberBox:
        self.spacing = number_box(SPACING)
        self.spacing.setSpecialValueText("not given")
        self.spacing.setToolTip(
            "Distance of two samples in depth, as an image's element spacing; gives the sampling rate"
        )
        self.spacing.setEnabled("sampling_hz" not in self._opened.recording.known)
        self.spacing.valueChanged.connect(self._spacing_edited)
        return self.spacing

    def _proposed(self, name: str) -> float | None:
        given = self._opened.answer.values if self._opened.answer else {}
        for values in (given, self._opened.recording.known, self._opened.suggested, ASSUMED):
            if name in values:
                return float(values[name])
        return None

    @Slot(object)
    def show_suggestions(self, suggested: Mapping[str, float]) -> None:
        """Propose these values where the user has not said anything."""
        self._suggested = dict(suggested)
        self._show_suggested()

    @Slot()
    def _show_suggested(self) -> None:
        """Fill in what was measured, but never under the user's hands: a field that has the focus waits."""
        for name, value in self._suggested.items():
            editor = self.editors[name]
            if name not in self._touched and name not in self._opened.recording.known and not editor.hasFocus():
                with QSignalBlocker(editor):
                    editor.setValue(value * FIELDS[name].scale)
        self._show_spacing()
        self._check()

    @Slot()
    def _edited(self) -> None:
        name = str(self.sender().property("field"))
        self._touched.add(name)
        if name == "sampling_hz":
            self._by_spacing = False
        self._show_spacing()
        self._check()
        self._ask_later.start()

    @Slot()
    def _spacing_edited(self) -> None:
        self._by_spacing = self.spacing.is_given()
        self._touched.add("sampling_hz")
        self._show_spacing()
        self._check()
        self._ask_later.start()

    def _show_spacing(self) -> None:
        """Keep rate and spacing in step: the one that was not given follows from the other and the speed of sound."""
        rate, spacing, values = self.editors["sampling_hz"], self.spacing, self._given()
        if "sound_speed_m_s" not in values:
            return
        if self._by_spacing:
            with QSignalBlocker(rate):
                rate.setValue(values["sampling_hz"] * FIELDS["sampling_hz"].scale)
        elif not spacing.hasFocus():
            with QSignalBlocker(spacing):
                given = values.get("sampling_hz")
                spacing.setValue(0.0 if given is None else values["sound_speed_m_s"] / (2 * given) * SPACING.scale)

    @Slot()
    def _ask_suggestions(self) -> None:
        if "center_hz" not in self._touched:
            self.suggestions_wanted.emit(dict(self.answer().values))

    @Slot()
    def _check(self) -> None:
        absent = [name for name in REQUIRED if not self.editors[name].is_given()]
        if self.choices.angle.is_given() and "pitch_m" in absent:
            absent.remove("pitch_m")  # it follows from the angle
        for name, mark in self._marks.items():
            mark.setText(self._mark(name, absent))
        problem, said = ("", "") if absent else self._geometry_problem()
        if absent:
            problem = "Still needed: " + ", ".join(FIELDS[name].label.lower() for name in absent) + "."
        if self.layout_form is not None:
            problem = self.layout_form.problem() or problem
        self._error.setText(problem or said)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not problem)

    def _geometry_problem(self) -> tuple[str, str]:
        """Say why the values make no geometry, and what is done with RF that is sampled below twice its carrier."""
        values = self._given()
        rate, center = values.get("sampling_hz"), values.get("center_hz")
        recording, kind = self._opened.recording, self.choices.chosen_kind() or ""
        beamformed = recording.costly and not recording.pending  # channels are unfolded as the file says, if at all
        if rate is None or center is None or not is_folded(rate, center) or beamformed:
            return geometry_error(values), ""
        if recording.pending or recording.rate_factor != 1 or kind.startswith("iq"):
            problem, said = "", ""  # of IQ and of what is unfolded already, reading says it
        else:
            problem, said = folding_problem(rate, center), folding_note(rate, center)
        return problem or geometry_error({**values, "sampling_hz": rate * unfolding_factor(rate, center)}), said

    def _mark(self, name: str, absent: list[str]) -> str:
        if name in self._opened.recording.known:
            return SOURCES["file"]
        if name in absent:
            found = self._suggested.get(name)
            return "needed" if found is None else f"measured: {found * FIELDS[name].scale:.3f} {FIELDS[name].unit}"
        if name in self._touched:
            return SOURCES["user"]
        if not self.editors[name].is_given():
            return "optional"
        return "measured, please check" if name in self._suggested else SOURCES["assumed"]

    def _given(self) -> dict[str, float]:
        """Return every value that a field shows, in SI units."""
        values = {
            name: editor.value() / FIELDS[name].scale for name, editor in self.editors.items() if editor.is_given()
        }
        if self._by_spacing and "sound_speed_m_s" in values:  # not by way of the rate's shown digits
            values["sampling_hz"] = values["sound_speed_m_s"] / (2 * self.spacing.value() / SPACING.scale)
        return values


def _muted(words: str) -> QLabel:
    label = QLabel(words)
    label.setObjectName("muted")
    label.setWordWrap(True)
    return label
