"""The generated form: every kind of field, shown units, and the values that come back."""

from dataclasses import dataclass
from typing import Literal

import pytest
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QToolTip
from pytestqt.qtbot import QtBot

from app.forms import OpenChoice, ParameterForm, in_words, label_of
from engine.parameters import Parameters, parameter
from engine.pipeline import Preparation


@dataclass(frozen=True)
class Example(Parameters):
    window_m: float = parameter(2e-3, unit="m", minimum=0.5e-3, maximum=10e-3, help="Window")
    search_lines: int = parameter(3, unit="lines", minimum=0, maximum=9, help="Search")
    robust: bool = parameter(True, help="Robust")
    kind: Literal["cosine", "parabola"] = parameter("cosine", help="Fit")
    weight: float = parameter(0.5, minimum=0.0, maximum=1.0, help="Weight")


@pytest.fixture(name="form")
def fixture_form(qtbot: QtBot) -> ParameterForm:
    form = ParameterForm(Example)
    qtbot.addWidget(form)
    return form


def test_defaults_are_shown_in_units_of_the_trade(form: ParameterForm) -> None:
    window = form.editors["window_m"]
    assert isinstance(window, QDoubleSpinBox)
    assert window.value() == pytest.approx(2.0)
    assert window.suffix().strip() == "mm"
    assert window.accessibleName() == "Window"
    assert form.values() == Example()


def test_a_value_that_is_put_back_is_told_why(qtbot: QtBot) -> None:
    form = ParameterForm(Preparation, only=("part",))
    qtbot.addWidget(form)
    form.show()
    part = form.editors["part"]
    assert isinstance(part, QLineEdit)
    part.setText("ten to twenty")
    part.editingFinished.emit()
    assert part.text() == ""
    assert "'ten to twenty' is not TOP:BOTTOM" in QToolTip.text()
    QToolTip.hideText()


def test_a_change_gives_checked_si_values(form: ParameterForm, qtbot: QtBot) -> None:
    window, search = form.editors["window_m"], form.editors["search_lines"]
    assert isinstance(window, QDoubleSpinBox)
    assert isinstance(search, QSpinBox)
    with qtbot.waitSignal(form.changed) as told:
        window.setValue(3.0)
    assert told.args == [Example(window_m=3e-3)]
    search.setValue(5)
    assert form.values() == Example(window_m=3e-3, search_lines=5)


def test_choice_and_switch(form: ParameterForm) -> None:
    kind, robust = form.editors["kind"], form.editors["robust"]
    assert isinstance(kind, QComboBox)
    assert isinstance(robust, QCheckBox)
    kind.setCurrentIndex(1)
    robust.setChecked(False)
    assert form.values() == Example(kind="parabola", robust=False)


def test_showing_values_tells_nobody(form: ParameterForm, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(form.changed):
        form.show_values(Example(window_m=5e-3, search_lines=1, robust=False, kind="parabola"))
    assert form.values().as_dict()["window_m"] == 5e-3


def test_an_edit_leaves_finer_values_than_are_shown_alone(form: ParameterForm) -> None:
    form.show_values(Example(window_m=2.0004e-3, weight=0.123456))
    search = form.editors["search_lines"]
    assert isinstance(search, QSpinBox)
    search.setValue(5)
    assert form.values() == Example(window_m=2.0004e-3, weight=0.123456, search_lines=5)


def test_range_is_the_dataclass_range(form: ParameterForm) -> None:
    window = form.editors["window_m"]
    assert isinstance(window, QDoubleSpinBox)
    assert (window.minimum(), window.maximum()) == (pytest.approx(0.5), pytest.approx(10.0))


@pytest.mark.parametrize(
    ("name", "label"), [("window_m", "Window"), ("sampling_hz", "Sampling"), ("peak_fit", "Peak fit"), ("m", "M")]
)
def test_labels(name: str, label: str) -> None:
    assert label_of(name) == label


def test_the_defaults_come_back_at_a_press(form: ParameterForm, qtbot: QtBot) -> None:
    assert form.defaults.isHidden()
    form.show_values(Example(window_m=5e-3, robust=False))
    assert not form.defaults.isHidden()
    with qtbot.waitSignal(form.changed) as told:
        form.defaults.click()
    assert told.args == [Example()]
    assert form.defaults.isHidden()


@pytest.mark.parametrize(
    ("name", "words"), [("ncc", "NCC"), ("tv_weight", "TV weight"), ("musse-net+glue", "Musse net+glue"), ("rf", "RF")]
)
def test_abbreviations_are_written_as_people_do(name: str, words: str) -> None:
    assert in_words(name) == words


@dataclass(frozen=True)
class Named(Parameters):
    weights: str = parameter("", help="Weights")


def test_weights_are_listed_with_the_usual_ones_and_can_be_typed(qtbot: QtBot) -> None:
    form = ParameterForm(Named, choices={"weights": {"": "net-v2 (usual)", "net-v1": "net-v1"}})
    qtbot.addWidget(form)
    box = form.editors["weights"]
    assert isinstance(box, OpenChoice)
    assert box.currentText() == "net-v2 (usual)"
    box.setCurrentIndex(1)
    box.activated.emit(1)
    assert form.values() == Named("net-v1")
    line = box.lineEdit()
    assert line is not None
    line.setText("/somewhere/own.safetensors")
    line.editingFinished.emit()
    assert form.values() == Named("/somewhere/own.safetensors")
    form.show_values(Named(""))
    assert box.currentText() == "net-v2 (usual)"
