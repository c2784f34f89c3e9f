"""Where keys and the wheel go: plain keys act on the recording unless text is typed, the wheel changes nothing unasked.

One filter over the whole application does it, so that no panel, dialog or generated form has to think of it.
"""

from collections.abc import Callable
from typing import TypeGuard

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMainWindow,
    QScrollBar,
    QTabBar,
    QWidget,
)

Control = QComboBox | QAbstractSpinBox | QAbstractSlider
_ARROWS = {Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down}
_OPENING = {Qt.Key.Key_Up, Qt.Key.Key_Down}
_PAGING = {Qt.Key.Key_PageUp, Qt.Key.Key_PageDown}
_WATCHED = {
    QEvent.Type.Polish,
    QEvent.Type.Wheel,
    QEvent.Type.KeyPress,
    QEvent.Type.MouseButtonRelease,
    QEvent.Type.FocusIn,
}
_NOT_PLAIN = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


class InputGuard(QObject):
    """Watches the controls of one window, and the wheel over those of its dialogs.

    A list that is closed takes no key but those that open it (Up, Down, F4), so no key changes a choice unseen, and
    none drops a running estimate. After a choice made with the mouse, or a number ended with Return, the keys go to the
    images again; who goes round with Tab stays where they are.
    """

    def __init__(self, window: QMainWindow, press: Callable[[QKeyEvent], None], go_back: Callable[[], None]) -> None:
        super().__init__(window)
        self._window = window
        self._press = press
        self._go_back = go_back
        self._by_mouse = False
        for widget in window.findChildren(QWidget):
            _tame(widget)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what a control is not to have."""
        kind = event.type()
        if kind not in _WATCHED or not isinstance(watched, QWidget):
            return False
        if kind == QEvent.Type.Polish:
            _tame(watched)
            return False
        if kind == QEvent.Type.Wheel:
            return self._wheel(watched, event)
        if kind == QEvent.Type.KeyPress:
            self._by_mouse = False
            assert isinstance(event, QKeyEvent)
            return watched.window() is self._window and self._key(watched, event)
        if kind == QEvent.Type.MouseButtonRelease:
            self._by_mouse = True
            if isinstance(watched, QAbstractButton | QAbstractSlider | QTabBar) and watched.window() is self._window:
                self._leave()
        elif self._by_mouse and isinstance(watched, QComboBox) and watched.window() is self._window:
            assert isinstance(event, QFocusEvent)
            if event.reason() is Qt.FocusReason.PopupFocusReason:  # its list was closed
                self._leave()
        return False

    def _wheel(self, watched: QWidget, event: QEvent) -> bool:
        """Leave the wheel to what scrolls around a control that has not been clicked."""
        if not _is_control(watched) or watched.hasFocus():
            return False
        event.ignore()
        return True

    def _key(self, watched: QWidget, event: QKeyEvent) -> bool:
        key = Qt.Key(event.key())
        if event.modifiers() & _NOT_PLAIN:
            return False
        if isinstance(watched, QComboBox) and not watched.isEditable():
            return self._key_of_list(watched, event, key)
        if isinstance(watched, QAbstractButton) and key in _ARROWS:
            return self._pass(event)
        if isinstance(watched, QAbstractSpinBox | QLineEdit):
            if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._leave()
            elif isinstance(watched, QAbstractSpinBox) and (event.text().isalpha() or key == Qt.Key.Key_Space):
                return self._pass(event)
        return False

    def _key_of_list(self, box: QComboBox, event: QKeyEvent, key: Qt.Key) -> bool:
        if key in _OPENING:
            box.showPopup()
            return True
        if key in _PAGING:
            return True
        if event.text().strip() or key in _ARROWS | {Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End}:
            return self._pass(event)
        return False

    def _pass(self, event: QKeyEvent) -> bool:
        self._press(event)
        return True

    def _leave(self) -> None:
        """Give the keys back once what was asked for has been done: it may have opened a dialog or a menu."""
        QTimer.singleShot(0, self, self._go_back)


def _tame(widget: QWidget) -> None:
    """Take from a control the policy by which a turn of the wheel gives it the focus, and then changes it."""
    if _is_control(widget) and widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


def _is_control(widget: QWidget) -> TypeGuard[Control]:
    return isinstance(widget, QComboBox | QAbstractSpinBox | QAbstractSlider) and not isinstance(widget, QScrollBar)
