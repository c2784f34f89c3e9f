"""Every panel and dialog fits the screens people have, in both themes: nothing is cut, and what is beyond scrolls."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QScrollArea,
    QScrollBar,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QToolBar,
    QWidget,
)
from pytestqt.qtbot import QtBot
from superqt import QElidingLabel

from app.panels.method import MethodPanel
from app.state import Role
from app.views.color_bar import ColorBar
from app.views.dual_view import DualView
from app.window.main_window import FRAME_SIZE, USUAL_SIZE, MainWindow

SCREENS = {
    "1280x800": QSize(1280, 800),
    "1920x1080 at 150 %": QSize(1280, 720),
    "1920x1080 at 200 %": QSize(960, 540),
}
"""Screens in the units in which Qt lays out: QT_SCALE_FACTOR divides their pixels."""
ROUNDING_PX = 1
"""Texts have widths in parts of a pixel."""
DIALOGS = ("preferences", "figure", "keys", "about", "geometry", "guide")


def room_on(screen: QSize) -> QSize:
    return screen - FRAME_SIZE


@pytest.fixture(name="settled")
def fixture_settled(opened: MainWindow) -> MainWindow:
    """A window with a recording and a selected region."""
    opened.commands.regions.select(Role.TARGET)
    settle()
    return opened


def on_each_screen(window: MainWindow) -> Iterator[str]:
    """Give the window the size of one screen after the other."""
    for name, screen in SCREENS.items():
        window.resize(room_on(screen))
        settle()
        yield name


def settle() -> None:
    QTest.qWait(30)  # lists take the width of new entries a moment later
    for _ in range(8):
        QApplication.sendPostedEvents()
        QApplication.processEvents()


def cut(root: QWidget) -> list[str]:
    """Return every visible text or control that is smaller than what it says, or lies where no scrolling leads."""
    return [f"{why}: {describe(widget)}" for widget in texts_in(root) for why in problems(widget)]


def cut_in_the_end(root: QWidget) -> list[str]:
    """Return what is cut once lists that are filled by a job, and layouts after them, have settled."""
    for _ in range(40):
        settle()
        found = cut(root)
        if not found:
            break
    return found


def texts_in(root: QWidget) -> Iterator[QWidget]:
    for widget in root.findChildren(QWidget):
        if not widget.isVisible() or isinstance(widget, QScrollBar | QElidingLabel | QDialog):
            continue
        if not isinstance(widget, QLabel | QAbstractButton | QComboBox | QAbstractSpinBox):
            continue
        if isinstance(widget.parentWidget(), QToolBar | QTabBar):
            continue  # both scroll by themselves: an arrow leads to what has no room
        if widget.accessibleName() != "Preview":  # a picture that takes what room there is
            yield widget


def problems(widget: QWidget) -> Iterator[str]:
    needed = widget.minimumSizeHint()
    if isinstance(widget, QLabel) and widget.wordWrap():
        needed = QSize(0, widget.heightForWidth(widget.width()))
        words = widget.text().split()
        needed.setWidth(max((widget.fontMetrics().horizontalAdvance(word) for word in words), default=0))
    if widget.width() < needed.width() - ROUNDING_PX or widget.height() < needed.height():
        yield f"{widget.size().toTuple()} instead of {needed.toTuple()}"
    if isinstance(widget, QComboBox) and widget.currentText():
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        field = widget.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, widget
        )
        if widget.fontMetrics().horizontalAdvance(widget.currentText()) > field.width():
            yield "its choice is cut"
    if not reachable(widget):
        yield "out of reach"


def reachable(widget: QWidget) -> bool:
    """Whether the whole of a widget lies in all that hold it, or in something that scrolls to it."""
    inside = QRect(QPoint(), widget.size())
    at = widget
    while at.parentWidget() is not None and not at.isWindow():
        parent = at.parentWidget()
        inside = inside.translated(at.pos())
        area = parent.parentWidget()
        if isinstance(area, QScrollArea) and area.viewport() is parent:
            return QRect(QPoint(), at.size()).contains(inside.translated(-at.pos())) and scrolls(area)
        if isinstance(area, QAbstractScrollArea) and area.viewport() is parent:
            return True  # a plot: what lies on its image is tested by itself
        if not parent.rect().contains(inside):
            return False
        at = parent
    return True


def scrolls(area: QScrollArea) -> bool:
    """Whether bars are there for all of the content that is larger than the area."""
    content, shown = area.widget().size(), area.viewport().size()
    across, down = area.horizontalScrollBar(), area.verticalScrollBar()
    return (content.width() <= shown.width() or across.isVisible()) and (
        content.height() <= shown.height() or down.isVisible()
    )


def describe(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
    text = text or (widget.currentText() if isinstance(widget, QComboBox) else "")
    parent = widget.parentWidget()
    return f"{type(widget).__name__} {text or widget.accessibleName()!r} in {type(parent).__name__}"


def test_the_window_is_no_larger_than_its_screen(settled: MainWindow) -> None:
    for screen in on_each_screen(settled):
        room = room_on(SCREENS[screen])
        assert settled.size() == room  # nothing in it asks for more
        for name in settled.docks.titles:
            settled.docks.show(name)
            settle()
            assert settled.size() == room, name


def test_a_first_window_is_as_large_as_usual_or_as_the_screen(
    opened: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Screen:
        def __init__(self, size: QSize) -> None:
            self.availableSize: Callable[[], QSize] = lambda: size

    for size in (*SCREENS.values(), QSize(2560, 1440)):
        monkeypatch.setattr(opened, "screen", lambda size=size: Screen(size))
        wanted = opened._first_size()
        assert wanted == USUAL_SIZE.boundedTo(size - FRAME_SIZE)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_is_cut_in_any_panel(settled: MainWindow, theme: str) -> None:
    settled.set_theme(theme)  # type: ignore[arg-type]
    for screen in on_each_screen(settled):
        found: dict[str, list[str]] = {}
        for name in settled.docks.titles:
            settled.docks.show(name)
            dock = settled.docks.dock(name)
            for button in dock.findChildren(QAbstractButton):
                if button.property("folds"):
                    button.setChecked(True)
            found[name] = cut_in_the_end(dock)
        found["centre"] = cut(settled.central) + cut(settled.status)
        assert {name: entries for name, entries in found.items() if entries} == {}, screen


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_cut_in_any_dialog(settled: MainWindow, screen: str) -> None:
    settled.resize(room_on(SCREENS[screen]))  # a dialog keeps the size that it had when it was made
    for theme in ("dark", "light"):
        settled.set_theme(theme)  # type: ignore[arg-type]
        settle()
        found: dict[str, object] = {}
        for name in DIALOGS:
            settled.actions_by_name[name].trigger()
            settle()
            dialog = next(dialog for dialog in settled.findChildren(QDialog) if dialog.isVisible())
            found[name] = cut(dialog)
            if dialog.width() > settled.width() or dialog.height() > settled.height():
                found[f"{name} is larger than the screen"] = dialog.size().toTuple()
            dialog.reject()
            settle()
        assert {name: entries for name, entries in found.items() if entries} == {}, theme


def test_a_narrow_window_keeps_all_panels_on_one_side(opened: MainWindow, qtbot: QtBot) -> None:
    docks = [opened.docks.docks[name] for name in ("method", "display", "measurements", "graphs")]

    def seen() -> list[str]:
        return [dock.objectName() for dock in docks if not dock.visibleRegion().isEmpty()]

    def columns() -> int:
        return len({dock.geometry().left() for dock in docks if not dock.visibleRegion().isEmpty()})

    opened.resize(USUAL_SIZE)
    qtbot.waitUntil(lambda: columns() == 2 and len(seen()) == 4)
    opened.actions_by_name["panel histogram"].trigger()
    assert not opened.docks.is_shown("histogram")
    opened.resize(room_on(SCREENS["1280x800"]))
    qtbot.waitUntil(lambda: columns() == 1 and seen() == ["measurements", "graphs"], timeout=20_000)
    qtbot.waitUntil(lambda: docks[2].width() >= 380, timeout=20_000)
    opened.resize(room_on(SCREENS["1920x1080 at 200 %"]))
    qtbot.waitUntil(lambda: len(seen()) == 1)
    settle()
    assert opened.central.view.width() > 0.55 * opened.width()
    for name in ("display", "maps", "measurements", "method"):
        opened.docks.show(name)
        qtbot.waitUntil(lambda name=name: not opened.docks._pages[name].visibleRegion().isEmpty())
    assert not opened.docks.is_shown("histogram")
    opened.resize(USUAL_SIZE)
    qtbot.waitUntil(lambda: columns() == 2 and len(seen()) == 4, timeout=20_000)
    settle()
    assert docks[0].geometry().bottom() < docks[1].geometry().top()
    assert not opened.docks.is_shown("histogram")
    assert [opened.docks.dock(name) for name in ("recording", "maps")] == docks[:2]


def test_a_dock_goes_with_its_last_panel_and_comes_back_with_the_first(opened: MainWindow, qtbot: QtBot) -> None:
    opened.resize(USUAL_SIZE)
    qtbot.waitUntil(lambda: not opened.docks.is_narrow())
    toggles = {name: opened.actions_by_name[f"panel {name}"] for name in ("graphs", "histogram", "profile")}
    for action in toggles.values():
        assert action.isChecked()
        action.trigger()
        assert not action.isChecked()
    assert opened.docks.docks["graphs"].isHidden()
    toggles["profile"].trigger()
    assert opened.docks.docks["graphs"].isVisible()
    assert [opened.docks.is_shown(name) for name in toggles] == [False, False, True]


def test_nothing_is_cut_without_a_recording(window: MainWindow) -> None:
    for screen in on_each_screen(window):
        assert window.size() == room_on(SCREENS[screen])
        assert cut(window) == [], screen


def test_nothing_is_cut_in_a_comparison(settled: MainWindow) -> None:
    settled.actions_by_name["compare"].trigger()
    for screen in on_each_screen(settled):
        assert cut(settled.central) == [], screen


def test_the_axes_hug_the_images(settled: MainWindow, qtbot: QtBot) -> None:
    view = settled.central.view
    assert settled.state.recording is not None
    _, top, width, height = (1e3 * edge for edge in settled.state.recording.grid.edges_m())
    layouts = ("side by side", "stacked", "automatic")
    for layout in (layout for _ in on_each_screen(settled) for layout in layouts):
        view.set_layout(layout)  # type: ignore[arg-type]
        settle()
        for pane in view.panes:
            qtbot.waitUntil(lambda pane=pane: pane.plot.box.viewRect().width() <= 1.02 * width)
            shown = pane.plot.box.viewRect()
            assert shown.top() >= top - 0.011 * height  # no depth above the probe
            assert shown.height() <= 1.021 * height
            image = pane.plot.image_rect()
            box = pane.plot.box.sceneBoundingRect()
            assert abs(box.height() - image.height()) <= 2
            bar = pane.bar.geometry().top() + pane.bar.bar_rect().top()
            assert abs(bar - (pane.plot.geometry().top() + image.top())) <= 1
            assert abs(pane.bar.bar_rect().height() - image.height()) <= 2


def area_px(view: DualView) -> int:
    images = [pane.plot.image_rect() for pane in view.panes]
    return sum(image.width() * image.height() for image in images)


def test_the_layout_is_the_one_that_shows_more(settled: MainWindow) -> None:
    view = settled.central.view
    for screen in on_each_screen(settled):
        areas = {}
        for layout in ("side by side", "stacked", "automatic"):
            view.set_layout(layout)  # type: ignore[arg-type]
            settle()
            areas[layout] = area_px(view)
        assert areas["automatic"] >= max(areas["side by side"], areas["stacked"]) / 1.15**2 * 0.99, screen


def test_the_bars_of_all_panes_are_as_wide_as_their_words(settled: MainWindow) -> None:
    for screen in on_each_screen(settled):
        for bar in settled.central.view.findChildren(ColorBar):
            assert bar.width() >= bar.sizeHint().width(), screen


def test_names_of_methods_do_not_widen_their_panel(opened: MainWindow, qtbot: QtBot) -> None:
    panel = opened.findChild(MethodPanel)
    assert isinstance(panel, MethodPanel)
    first, *others = opened.state.methods
    before = panel.minimumSizeHint().width()
    opened.state.set_methods((replace(first, title="A method with a name of its own, " * 4), *others))
    opened.set_theme("light")  # widths are asked for anew
    qtbot.wait(50)
    assert panel.minimumSizeHint().width() == before


def test_words_on_an_image_are_as_large_as_what_they_say(opened: MainWindow) -> None:
    pane = opened.central.view.strain
    pane.set_message("Words that take more than one line on any image of this recording, " * 2)
    high = pane._message.height()
    pane.set_message("Few words")
    assert pane._message.height() < high
    assert pane._message.height() < 3 * pane._message.fontMetrics().height()
    assert pane.plot.image_rect().contains(pane._message.geometry())
