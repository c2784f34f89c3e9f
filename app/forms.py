"""A form from a parameter dataclass: names, units, ranges and help come from its fields; a method needs no GUI code."""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QSignalBlocker, Qt, Signal, SignalInstance, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QToolTip,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from app.widgets.number_box import NumberBox
from engine.errors import ParameterError
from engine.parameters import ParameterInfo, Parameters, Scalar

SHOWN_UNITS = {"m": ("mm", 1e3), "Hz": ("MHz", 1e-6)}
"""SI inside, the units of the trade on labels."""

NAME_UNITS = ("_m", "_s", "_hz", "_db", "_px", "_lines", "_samples", "_percent", "_fraction", "_m_s")


ABBREVIATIONS = {"am2d", "cnn", "glue", "iq", "ncc", "rf", "snr", "tv"}


class OpenChoice(QComboBox):
    """A list of names to which others may be typed, such as the path of a file."""

    edited = Signal()

    def __init__(self, entries: Mapping[str, str]) -> None:
        super().__init__()
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(14)
        for value, words in entries.items():
            self.addItem(words, value)
        self.activated.connect(self.edited)
        line = self.lineEdit()
        assert line is not None
        line.editingFinished.connect(self.edited)

    def value(self) -> str:
        """Return what is chosen, or typed."""
        listed = self.findText(self.currentText())
        return str(self.itemData(listed)) if listed >= 0 else self.currentText().strip()

    def show_value(self, value: str) -> None:
        """Show a value, whether it is listed or not."""
        listed = self.findData(value)
        self.setCurrentIndex(listed)
        if listed < 0:
            self.setEditText(value)


class ParameterForm(QWidget):
    """Shows the parameters of one dataclass; `changed` carries a new, checked instance.

    `only` names the parameters to show, in this order; all are shown without it. `choices` lists values of text
    parameters, each with its words; others can be typed, unless the parameter is in `closed`. A button brings the
    defaults back while anything differs from them.
    """

    changed = Signal(object)

    def __init__(
        self,
        kind: type[Parameters],
        parent: QWidget | None = None,
        *,
        only: tuple[str, ...] = (),
        choices: Mapping[str, Mapping[str, str]] | None = None,
        closed: tuple[str, ...] = (),
    ) -> None:
        super().__init__(parent)
        self._kind = kind
        self._closed = closed
        self._choices = choices or {}
        self._values = kind()
        self.editors: dict[str, QWidget] = {}
        self._form = form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(10)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
        infos = {info.name: info for info in kind.describe()}
        for name in only or infos:
            info = infos[name]
            editor = self._editor(info)
            self.editors[info.name] = editor
            _explain(editor, info)
            if isinstance(editor, QCheckBox):
                form.addRow(editor)
            else:
                label = QLabel(_label(info))
                label.setToolTip(editor.toolTip())
                label.setBuddy(editor)
                form.addRow(label, editor)
        self.defaults = QPushButton("Defaults")
        self.defaults.setToolTip("Give every value here its default again")
        self.defaults.clicked.connect(self._take_defaults)
        self.defaults.hide()
        form.addRow(self.defaults)

    def values(self) -> Parameters:
        """Return the parameters as shown."""
        return self._values

    def show_values(self, values: Parameters) -> None:
        """Show these parameters without telling anybody."""
        self._values = values
        for info in self._kind.describe():
            editor = self.editors.get(info.name)
            if editor is not None:
                with QSignalBlocker(editor):
                    _set(editor, info, getattr(values, info.name))
        self.defaults.setVisible(self._values != self._default())

    def show_row(self, name: str, shown: bool) -> None:
        """Show or hide a parameter."""
        self._form.setRowVisible(self.editors[name], shown)

    def _default(self) -> Parameters:
        """Return the values as shown, with the default of each that has an editor."""
        shown = {info.name: info.default for info in self._kind.describe() if info.name in self.editors}
        return replace(self._values, **shown)

    @Slot()
    def _take_defaults(self) -> None:
        self.show_values(self._default())
        self.changed.emit(self._values)

    def _editor(self, info: ParameterInfo) -> QWidget:
        listed = self._choices.get(info.name)
        make = partial(_choice_of, listed or {}) if info.name in self._closed else partial(_editor_of, info, listed)
        editor, edited = make()
        _set(editor, info, info.default)
        edited.connect(partial(self._take, info))
        return editor

    def _take(self, info: ParameterInfo, *_shown: object) -> None:
        """Take the one value that was edited; the others may be finer than their editors show."""
        try:
            values = replace(self._values, **{info.name: _get(self.editors[info.name], info)})
        except ParameterError as error:
            self.show_values(self._values)
            editor = self.editors[info.name]
            QToolTip.showText(editor.mapToGlobal(editor.rect().bottomLeft()), f"Not taken: {error}.", editor)
            return
        if values != self._values:
            self._values = values
            self.defaults.setVisible(values != self._default())
            self.changed.emit(values)


def _label(info: ParameterInfo) -> str:
    unit = f" ({info.unit})" if info.step and info.unit else ""  # the number beside a slider stands alone
    return (info.label or label_of(info.name)) + unit


def label_of(name: str) -> str:
    """Words for a parameter's name, without the unit at its end."""
    for unit in sorted(NAME_UNITS, key=len, reverse=True):
        if name.endswith(unit) and name != unit:
            name = name.removesuffix(unit)
            break
    return in_words(name)


def in_words(name: str) -> str:
    """Write a name of the code as people do: words, abbreviations in capitals."""
    words = name.replace("_", " ").replace("-", " ").split()
    text = " ".join(word.upper() if word in ABBREVIATIONS else word for word in words)
    return text[:1].upper() + text[1:]


def _explain(editor: QWidget, info: ParameterInfo) -> None:
    editor.setToolTip(info.help)
    for part in (editor, *_parts(editor)):
        part.setAccessibleName(_label(info))
        part.setAccessibleDescription(info.help)
    for part in (editor, *editor.findChildren(QLineEdit)):  # a slider's number can be typed, and so tabbed to
        part.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


def _parts(editor: QWidget) -> list[QWidget]:
    """Return what of an editor takes the focus in its place."""
    return editor.findChildren(QWidget) if isinstance(editor, QLabeledDoubleSlider) else []


def _editor_of(info: ParameterInfo, listed: Mapping[str, str] | None = None) -> tuple[QWidget, SignalInstance]:
    """Return an editor for a parameter, and the signal that tells of edits."""
    if listed is not None:
        names = OpenChoice(listed)
        return names, names.edited
    if info.kind is bool:
        check = QCheckBox(_label(info))
        return check, check.toggled
    if info.choices:
        return _choice_of({choice: info.words.get(choice) or in_words(choice) for choice in info.choices})
    if info.step:
        slider = _slider_of(info)
        return slider, slider.valueChanged
    if info.kind is int:
        count = QSpinBox()
        count.setRange(int(info.minimum or 0), int(info.maximum if info.maximum is not None else 10**9))
        count.setSuffix(f" {info.unit}" if info.unit else "")
        count.setSpecialValueText(info.words.get(str(info.minimum), ""))
        count.setKeyboardTracking(False)
        return count, count.valueChanged
    if info.kind is float:
        number = _float_editor(info)
        number.setKeyboardTracking(False)
        return number, number.valueChanged
    text = QLineEdit()
    return text, text.editingFinished


def _choice_of(entries: Mapping[str, str]) -> tuple[QComboBox, SignalInstance]:
    combo = QComboBox()
    for value, words in entries.items():
        combo.addItem(words, value)
    return combo, combo.currentIndexChanged


def _slider_of(info: ParameterInfo) -> QLabeledDoubleSlider:
    """Return a slider with its value, which can be typed, beside it."""
    slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    slider.setRange(info.minimum or 0.0, 1.0 if info.maximum is None else info.maximum)
    slider.setSingleStep(info.step)  # type: ignore[arg-type]  # declared as of a slider of whole numbers
    slider.setPageStep(10 * info.step)  # type: ignore[arg-type]
    slider.setDecimals(max(0, -math.floor(math.log10(info.step))))
    return slider


def _float_editor(info: ParameterInfo) -> QDoubleSpinBox:
    unit, scale = SHOWN_UNITS.get(info.unit, (info.unit, 1.0))
    editor = NumberBox()
    low = -1e9 if info.minimum is None else info.minimum * scale
    high = 1e9 if info.maximum is None else info.maximum * scale
    span = high - low
    editor.setDecimals(2 if span <= 1000 or scale != 1.0 else 1)
    editor.setSingleStep(0.1 if span > 2 else 0.05)
    if info.minimum is not None and 0 < low < 0.01:
        editor.setDecimals(4)
    editor.setRange(low, high)
    short = unit if len(unit) <= 6 else ""
    editor.setSuffix(f" {short}" if short else "")
    return editor


def _scale(info: ParameterInfo) -> float:
    return SHOWN_UNITS.get(info.unit, ("", 1.0))[1]


def _set(editor: QWidget, info: ParameterInfo, value: Scalar) -> None:
    if isinstance(editor, QCheckBox):
        editor.setChecked(bool(value))
    elif isinstance(editor, OpenChoice):
        editor.show_value(str(value))
    elif isinstance(editor, QComboBox):
        editor.setCurrentIndex(max(editor.findData(value), 0))
    elif isinstance(editor, QSpinBox):
        editor.setValue(int(value))
    elif isinstance(editor, QDoubleSpinBox):
        editor.setValue(float(value) * _scale(info))
    elif isinstance(editor, QLabeledDoubleSlider):
        editor.setValue(float(value))
    elif isinstance(editor, QLineEdit):
        editor.setText(str(value))


def _get(editor: QWidget, info: ParameterInfo) -> Scalar:
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    if isinstance(editor, OpenChoice):
        return editor.value()
    if isinstance(editor, QComboBox):
        return str(editor.currentData())
    if isinstance(editor, QSpinBox):
        return editor.value()
    if isinstance(editor, QDoubleSpinBox):
        return _rounded(editor.value() / _scale(info))
    if isinstance(editor, QLabeledDoubleSlider):
        return _rounded(round(editor.value() / info.step) * info.step)
    assert isinstance(editor, QLineEdit)
    return editor.text()


def _rounded(value: float) -> float:
    """Undo the last digit's error of a change of unit: 2 mm is 0.002 m, not 0.0020000000000000005."""
    return float(f"{value:.9g}")
