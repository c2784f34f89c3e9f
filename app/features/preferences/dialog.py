"""The preferences dialog: rows of choices, numbers and check boxes, in titled groups; it asks and returns values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.number_box import NumberBox
from app.widgets.scrolled_dialog import lay_out_scrolled


@dataclass(frozen=True)
class Row:
    """One preference: a choice if it has `entries`, a number if it has a `span`, else a check box.

    With `press` it is no preference: it shows `words` and a button that does something at once and returns new words.

    `unavailable` gives the reason for each entry that cannot be chosen here.
    """

    group: str
    name: str
    label: str
    words: str
    entries: Mapping[Any, str] = field(default_factory=dict)
    unavailable: Mapping[Any, str] = field(default_factory=dict)
    span: tuple[float, float] | None = None
    unit: str = ""
    press: Callable[[], str] | None = None


class PreferencesDialog(QDialog):
    """Shows values; `values` are those to keep once it is accepted."""

    def __init__(self, rows: tuple[Row, ...], values: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Preferences")
        self.editors: dict[str, QWidget] = {}
        self._label_width = max(self.fontMetrics().horizontalAdvance(row.label) for row in rows if _has_label(row))
        content = QWidget()
        column = QVBoxLayout(content)
        column.addStrut(420)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        for group in dict.fromkeys(row.group for row in rows):
            heading = QLabel(group)
            heading.setObjectName("heading")
            column.addWidget(heading)
            form = QFormLayout()
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
            form.setHorizontalSpacing(14)
            form.setVerticalSpacing(6)
            for row in rows:
                if row.group == group and row.press is None:
                    self._add(form, row, values[row.name])
                elif row.group == group:
                    form.addRow(Place(row))
            column.addLayout(form)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        lay_out_scrolled(self, content, buttons)

    def values(self) -> dict[str, Any]:
        """Return what is shown now, by name."""
        return {name: _value(editor) for name, editor in self.editors.items()}

    def _add(self, form: QFormLayout, row: Row, value: object) -> None:
        editor = _editor(row, value)
        editor.setAccessibleName(row.label)
        editor.setToolTip(row.words)
        self.editors[row.name] = editor
        if isinstance(editor, QCheckBox):
            form.addRow("", editor)
            return
        label = QLabel(row.label)
        label.setBuddy(editor)
        label.setMinimumWidth(self._label_width)
        form.addRow(label, editor)


class Place(QWidget):
    """Says where something is kept, with a button that empties the place."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._press = row.press
        self.words = QLineEdit(row.words)  # a path has no blanks to wrap at: it scrolls, and can be copied
        self.words.setReadOnly(True)
        self.words.setCursorPosition(0)
        self.words.setToolTip(row.words)
        self.words.setAccessibleName(row.words.split(":")[0])
        self.button = QPushButton(row.label)
        self.button.clicked.connect(self._pressed)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.words, 1)
        line.addWidget(self.button)

    @Slot()
    def _pressed(self) -> None:
        if self._press is not None:
            self.words.setText(self._press())
            self.button.setEnabled(False)


def _has_label(row: Row) -> bool:
    return bool(row.entries) or row.span is not None


def _editor(row: Row, value: Any) -> QWidget:
    if row.entries:
        return _choice(row, value)
    if row.span is not None:
        number = NumberBox()
        number.setRange(*row.span)
        number.setDecimals(1)
        number.setSuffix(f" {row.unit}" if row.unit else "")
        number.setValue(float(value))
        return number
    check = QCheckBox(row.label)
    check.setChecked(bool(value))
    return check


def _choice(row: Row, value: object) -> QComboBox:
    box = QComboBox()
    model = box.model()
    assert isinstance(model, QStandardItemModel)
    for index, (entry, text) in enumerate(row.entries.items()):
        box.addItem(text, entry)
        if entry in row.unavailable:
            model.item(index).setEnabled(False)
            model.item(index).setToolTip(row.unavailable[entry])
    box.setCurrentIndex(max(box.findData(value), 0))
    return box


def _value(editor: QWidget) -> Any:
    if isinstance(editor, QComboBox):
        return editor.currentData()
    if isinstance(editor, QDoubleSpinBox):
        return editor.value()
    assert isinstance(editor, QCheckBox)
    return editor.isChecked()
