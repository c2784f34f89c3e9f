"""Plain keys act on the recording wherever the focus is, the wheel changes nothing unasked, no key drops a run."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QScrollBar,
    QSlider,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.panels.display import DisplayPanel
from app.panels.method import MethodPanel
from app.window.main_window import MainWindow

from .conftest import FakeEngine, open_and_wait

ONE_WINDOW = True


def turn_wheel(widget: QWidget, steps: int = -1) -> None:
    """Turn the wheel over a widget, as the window system tells of it."""
    center = QPointF(widget.rect().center())
    event = QWheelEvent(
        center,
        QPointF(widget.mapToGlobal(center.toPoint())),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def value_of(control: QWidget) -> object:
    if isinstance(control, QComboBox):
        return control.currentIndex()
    if isinstance(control, QAbstractSpinBox):
        return control.text()
    assert isinstance(control, QAbstractSlider)
    return control.value()


def controls(root: QWidget) -> Iterator[QWidget]:
    for widget in root.findChildren(QWidget):
        if isinstance(widget, QComboBox | QAbstractSpinBox | QAbstractSlider) and not isinstance(widget, QScrollBar):
            yield widget


@pytest.fixture(name="method")
def fixture_method(opened: MainWindow) -> MethodPanel:
    opened.activateWindow()
    panel = opened.findChild(MethodPanel)
    assert isinstance(panel, MethodPanel)
    return panel


def test_the_wheel_changes_no_control_of_the_window_that_has_no_focus(opened: MainWindow, method: MethodPanel) -> None:
    opened.central.take_keys()
    seen = 0
    for control in controls(opened):
        before = value_of(control)
        turn_wheel(control)
        assert value_of(control) == before, control.accessibleName()
        assert not control.hasFocus()
        assert control.focusPolicy() != Qt.FocusPolicy.WheelFocus, control.accessibleName()
        seen += 1
    assert seen > 15
    assert method.method.currentIndex() == 0


def test_the_wheel_changes_no_control_of_a_dialog_that_has_no_focus(opened: MainWindow) -> None:
    for name in ("preferences", "geometry", "figure"):
        opened.actions_by_name[name].trigger()
        dialog = next(dialog for dialog in opened.findChildren(QDialog) if dialog.isVisible())
        dialog.setFocus()
        for control in controls(dialog):
            before = value_of(control)
            turn_wheel(control)
            assert value_of(control) == before, control.accessibleName()
        dialog.reject()


def test_the_wheel_works_on_a_control_with_the_focus(opened: MainWindow, method: MethodPanel) -> None:
    method.reference.setFocus()
    turn_wheel(method.reference, 1)
    assert method.reference.value() == 1
    assert opened.state.settings.reference == 1


def test_letters_on_a_focused_list_act_on_the_recording(opened: MainWindow, method: MethodPanel) -> None:
    method.method.setFocus()
    assert method.method.hasFocus()
    before = opened.state.settings
    QTest.keyClick(method.method, Qt.Key.Key_N)
    assert opened.state.display.relative
    QTest.keyClick(method.method, Qt.Key.Key_S)  # a method is called "Second method"
    assert opened.state.settings == before
    QTest.keyClick(method.method, Qt.Key.Key_Right)
    assert opened.state.frame == 2
    QTest.keyClick(method.method, Qt.Key.Key_End)
    assert opened.state.frame == 5
    assert not method.method.view().isVisible()
    QTest.keyClick(method.method, Qt.Key.Key_Space)
    assert opened.state.playing
    QTest.keyClick(method.method, Qt.Key.Key_Space)
    assert not opened.state.playing


def test_no_key_on_a_list_drops_a_running_estimate(
    window: MainWindow, fake: FakeEngine, recording_path: object, qtbot: QtBot
) -> None:
    fake.gate.clear()
    window.open_paths((recording_path,))  # type: ignore[arg-type]
    qtbot.waitUntil(window.commands.processing.is_running, timeout=10_000)
    window.activateWindow()
    panel = window.findChild(MethodPanel)
    assert isinstance(panel, MethodPanel)
    panel.method.setFocus()
    for key in (Qt.Key.Key_S, Qt.Key.Key_G, Qt.Key.Key_PageDown, Qt.Key.Key_End, Qt.Key.Key_Down):
        QTest.keyClick(panel.method, key)
        panel.method.hidePopup()
        assert window.commands.processing.is_running(), key
    assert window.state.settings.method == "first"


def test_up_and_down_open_a_list_and_return_chooses(opened: MainWindow, method: MethodPanel, qtbot: QtBot) -> None:
    method.method.setFocus()
    QTest.keyClick(method.method, Qt.Key.Key_Down)
    qtbot.waitUntil(method.method.view().isVisible)
    QTest.keyClick(method.method.view(), Qt.Key.Key_Down)
    QTest.keyClick(method.method.view(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: opened.state.settings.method == "second")
    qtbot.wait(5)
    assert opened.focusWidget() is method.method  # who works with the keyboard stays where they are


def test_a_choice_with_the_mouse_gives_the_keys_back(opened: MainWindow, method: MethodPanel, qtbot: QtBot) -> None:
    QTest.mousePress(method.method, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(method.method.view().isVisible)
    view = method.method.view()
    place = view.visualRect(view.model().index(1, 0)).center()
    qtbot.wait(250)  # a release soon after the list opened does not count as a choice
    QTest.mouseMove(view.viewport(), place)
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    qtbot.waitUntil(lambda: opened.state.settings.method == "second")
    qtbot.waitUntil(lambda: opened.focusWidget() is opened.central.view.bmode.plot)


def test_a_click_on_a_button_or_a_slider_gives_the_keys_back(opened: MainWindow, qtbot: QtBot) -> None:
    opened.activateWindow()
    panel = opened.findChild(DisplayPanel)
    assert isinstance(panel, DisplayPanel)
    editors = panel.form.editors
    for control in (editors["overlay"], editors["quality_threshold"].findChild(QSlider)):
        control.setFocus()
        QTest.mouseClick(control, Qt.MouseButton.LeftButton, pos=QPoint(8, control.height() // 2))
        qtbot.waitUntil(lambda: opened.focusWidget() is opened.central.view.bmode.plot)
    assert opened.state.display.overlay
    QTest.keyClick(opened.focusWidget(), Qt.Key.Key_Space)
    assert opened.state.playing


def test_a_number_is_typed_letters_act_and_return_gives_the_keys_back(
    opened: MainWindow, method: MethodPanel, qtbot: QtBot
) -> None:
    method.reference.setFocus()
    method.reference.selectAll()
    QTest.keyClicks(method.reference, "3")
    QTest.keyClick(method.reference, Qt.Key.Key_O)
    assert opened.state.display.overlay
    assert method.reference.cleanText() == "3"
    QTest.keyClick(method.reference, Qt.Key.Key_Return)
    assert opened.state.settings.reference == 3
    qtbot.waitUntil(lambda: opened.focusWidget() is opened.central.view.bmode.plot)


def test_keys_of_a_dialog_stay_in_it(opened: MainWindow) -> None:
    opened.actions_by_name["preferences"].trigger()
    dialog = next(dialog for dialog in opened.findChildren(QDialog) if dialog.isVisible())
    box = dialog.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    before = opened.state.display
    QTest.keyClick(box, Qt.Key.Key_O)
    assert opened.state.display == before
    dialog.reject()


def test_the_keys_of_a_comparison_lead_out_of_it(opened: MainWindow, recording_path: object, qtbot: QtBot) -> None:
    open_and_wait(opened, (recording_path,), qtbot)  # type: ignore[arg-type]
    opened.actions_by_name["compare"].trigger()
    page = opened.central.images.currentWidget()
    assert page is not opened.central.view
    box = page.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_C)
    assert opened.central.images.currentWidget() is opened.central.view
