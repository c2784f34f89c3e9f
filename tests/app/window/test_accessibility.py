"""Every control has a name for a screen reader and can be reached without a mouse; so can every action."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QDockWidget,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QToolBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from app.window.main_window import MainWindow

ONE_WINDOW = True

if TYPE_CHECKING:
    from PySide6.QtGui import QAction

CONTROLS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit)
DIALOGS = ("preferences", "figure", "keys", "about", "geometry")


def controls_in(root: QWidget) -> Iterator[QWidget]:
    """Yield every control that a user can work, leaving out the parts that Qt's own widgets are made of."""
    for widget in root.findChildren(QWidget):
        if not isinstance(widget, CONTROLS) or isinstance(widget, QScrollBar):
            continue
        parent = widget.parentWidget()
        if isinstance(parent, QAbstractSpinBox | QComboBox | QTabBar | QDockWidget | QToolBar):
            continue  # fields of a box; buttons of a dock or tool bar, whose actions are in the menus
        if (widget.objectName() or "").startswith("qt_"):
            continue
        yield widget


def name_of(widget: QWidget) -> str:
    """Return what a screen reader says: the given name, what is written on a button, or the label beside a field."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton):
        return widget.text()
    labels = (label for label in widget.window().findChildren(QLabel) if label.buddy() is widget)
    return next((label.text() for label in labels), "")


def describe(widget: QWidget) -> str:
    names: list[str] = []
    at: QObject | None = widget
    while at is not None:
        names.append(f"{type(at).__name__}({at.objectName()})")
        at = at.parent()
    return " in ".join(names[:4])


def nameless(root: QWidget) -> list[str]:
    return [describe(widget) for widget in controls_in(root) if not name_of(widget).strip()]


def unreachable(root: QWidget) -> list[str]:
    return [
        describe(widget)
        for widget in controls_in(root)
        if widget.isEnabled() and not widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


def test_every_control_has_a_name(opened: MainWindow) -> None:
    assert nameless(opened) == []


def test_every_control_can_be_reached_by_tab(opened: MainWindow) -> None:
    assert unreachable(opened) == []


@pytest.mark.parametrize("name", DIALOGS)
def test_the_controls_of_every_dialog_have_names_and_can_be_reached(opened: MainWindow, name: str) -> None:
    opened.actions_by_name[name].trigger()
    dialogs = [dialog for dialog in opened.findChildren(QDialog) if dialog.isVisible()]
    assert dialogs
    for dialog in dialogs:
        assert dialog.windowTitle()
        assert nameless(dialog) == []
        assert unreachable(dialog) == []
        dialog.reject()


def actions_of(menu: QMenu) -> Iterator["QAction"]:
    for action in menu.actions():
        if action.menu() is not None:
            yield from actions_of(action.menu())
        elif not action.isSeparator():
            yield action


def test_every_action_can_be_reached_by_keyboard(opened: MainWindow) -> None:
    listed = {action for entry in opened.menuBar().actions() for action in actions_of(entry.menu())}
    plain = {info.name for info in opened.infos if info.plain_keys}
    for name, action in opened.actions_by_name.items():
        assert action in listed or name in plain, f"{name} is in no menu and has no key"
    for entry in opened.menuBar().actions():
        assert "&" in entry.text(), f"menu {entry.text()} has no letter"


def test_no_two_menus_share_a_letter(opened: MainWindow) -> None:
    letters = [QKeySequence.mnemonic(entry.text()).toString() for entry in opened.menuBar().actions()]
    assert len(set(letters)) == len(letters)


def test_tab_goes_round_through_the_panels(opened: MainWindow, qtbot: QtBot) -> None:
    opened.activateWindow()
    opened.central.view.setFocus()
    seen: set[QWidget] = set()
    for _ in range(400):
        QTest.keyClick(opened.focusWidget() or opened, Qt.Key.Key_Tab)
        widget = opened.focusWidget()
        if widget is None or widget in seen:
            break
        seen.add(widget)
    wanted = {widget for widget in controls_in(opened) if widget.isVisible() and widget.isEnabled()}
    assert [describe(widget) for widget in wanted - seen] == []


def test_tool_buttons_say_what_they_do(opened: MainWindow) -> None:
    bar = opened.findChild(QToolBar, "tools")
    for button in bar.findChildren(QToolButton):
        if button.defaultAction() is not None:
            assert name_of(button)
            assert button.toolTip()
