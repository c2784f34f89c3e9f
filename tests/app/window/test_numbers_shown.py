"""Numbers in the window: negative ratios have no dB, minus signs are true ones, limits by hand begin as shown."""

import math

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox
from pytestqt.qtbot import QtBot

from app.panels.display import DisplayPanel
from app.panels.measurements import MeasurementsPanel
from app.state import FrameMeasurements
from app.window.main_window import MainWindow
from engine.metrics.base import Measurement, decibel
from engine.metrics.number_text import DASH, decibel_reason, decibel_text


@pytest.mark.parametrize("ratio", [-2.28, 0.0, math.nan, math.inf])
def test_what_is_not_positive_has_no_decibel(ratio: float) -> None:
    assert math.isnan(decibel(ratio))


def test_a_positive_ratio_has() -> None:
    assert decibel(10.0) == pytest.approx(20.0)
    assert decibel(10.0, 10.0) == pytest.approx(10.0)


def test_a_negative_ratio_is_shown_with_a_dash_and_its_reason(opened: MainWindow) -> None:
    entry = Measurement("strain_ratio", -2.28, decibel=decibel(-2.28), count=100)
    assert decibel_text("strain_ratio", entry) == DASH
    assert "negative" in decibel_reason("strain_ratio", entry)
    values = {**opened.state.measurements.values, "strain_ratio": entry}
    opened.state.set_measurements(FrameMeasurements(1, values))
    panel = opened.findChild(MeasurementsPanel)
    assert isinstance(panel, MeasurementsPanel)
    assert panel.values["strain_ratio"].text() == "\u22122.28"
    assert panel.decibels["strain_ratio"].text() == DASH
    assert "negative" in panel.decibels["strain_ratio"].toolTip()


def test_other_numbers_lay_out_their_panel_and_not_the_window(opened: MainWindow) -> None:
    asked: list[str] = []
    opened.show()

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - the name of Qt
            if event.type() == QEvent.Type.LayoutRequest:
                asked.append(watched.objectName() or type(watched).__name__)
            return False

    watch = Watch()
    application = QApplication.instance()
    assert application is not None
    for value in (1.25, 2.35, 3.45):
        QApplication.processEvents()
        asked.clear()
        application.installEventFilter(watch)
        opened.state.set_measurements(FrameMeasurements(1, {"cnr": Measurement("cnr", value, count=100)}))
        QApplication.processEvents()
        application.removeEventFilter(watch)
    assert "panel" in asked
    assert "qt_tabwidget_stackedwidget" not in asked


def test_every_minus_of_the_read_out_is_a_true_one(opened: MainWindow) -> None:
    opened.state.set_cursor((-2e-3, 3e-3))
    text = opened.status.words.text()
    assert "\u2212" in text
    assert " -" not in text


def test_limits_by_hand_begin_with_those_that_are_shown(opened: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: opened.state.shown_limits is not None)
    shown = opened.state.shown_limits
    panel = opened.findChild(DisplayPanel)
    assert isinstance(panel, DisplayPanel)
    limits = panel.form.editors["limits"]
    assert isinstance(limits, QComboBox)
    limits.setCurrentIndex(limits.findData("manual"))
    assert opened.state.display.manual == pytest.approx(shown, abs=1e-3)
    assert opened.central.view.limits is not None
    assert opened.central.view.limits.high_percent == pytest.approx(shown[1], abs=1e-3)  # type: ignore[index]


def test_the_mask_acts_on_the_numbers_where_chosen(opened: MainWindow, qtbot: QtBot) -> None:
    panel, display = opened.findChild(MeasurementsPanel), opened.findChild(DisplayPanel)
    assert isinstance(panel, MeasurementsPanel)
    assert isinstance(display, DisplayPanel)
    before = opened.state.measurements.values["mean_target"]
    mask = display.form.editors["mask_numbers"]
    assert isinstance(mask, QCheckBox)
    assert not mask.isEnabled()
    opened.commands.change_display(quality_threshold=0.5)
    assert opened.state.measurements.values["mean_target"] == before
    assert "quality" not in panel.frame.text()
    mask.click()
    qtbot.waitUntil(lambda: opened.state.measurements.above == 0.5)
    after = opened.state.measurements.values
    assert after["mean_target"].count < before.count
    assert after["used_target"].value < 100
    assert f"quality above 0.50: {after['used_target'].value:.0f} % of the target" in panel.frame.text()
    qtbot.waitUntil(lambda: {entry.above for entry in opened.state.history.values()} == {0.5})
    shown = opened.state.history[opened.state.frame].values["mean_target"]
    assert shown.value == pytest.approx(after["mean_target"].value)
