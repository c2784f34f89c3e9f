"""The whole image stays whole when the window changes its size; a zoom of the user's stays as it is."""

from PySide6.QtCore import QRectF
from pytestqt.qtbot import QtBot

from app.views.image_pane import ImagePane
from app.window.main_window import MainWindow

ONE_WINDOW = True


def extent_of(window: MainWindow) -> QRectF:
    assert window.state.recording is not None
    return QRectF(*(1e3 * edge for edge in window.state.recording.grid.edges_m()))


def is_whole(window: MainWindow, pane: ImagePane) -> bool:
    """Whether the image fills the view as well as its shape allows."""
    view, image = pane.plot.box.viewRect(), extent_of(window)
    fills = max(image.width() / view.width(), image.height() / view.height())
    return 0.9 < fills <= 1.0


def test_the_whole_image_stays_whole(opened: MainWindow, qtbot: QtBot) -> None:
    for size in ((1000, 700), (1500, 800), (1250, 1000)):
        opened.resize(*size)
        for pane in opened.central.view.panes:
            qtbot.waitUntil(lambda pane=pane: is_whole(opened, pane))
    opened.central.view.set_layout("stacked")
    for pane in opened.central.view.panes:
        qtbot.waitUntil(lambda pane=pane: is_whole(opened, pane))


def test_a_zoom_of_the_users_stays(opened: MainWindow, qtbot: QtBot) -> None:
    box = opened.central.view.strain.plot.box
    box.setRange(QRectF(-1, 2, 2, 2), padding=0)
    box.sigRangeChangedManually.emit([True, True])
    opened.resize(1500, 800)
    qtbot.wait(100)
    assert not is_whole(opened, opened.central.view.strain)
    opened.actions_by_name["fit"].trigger()
    assert is_whole(opened, opened.central.view.bmode)
    opened.resize(1200, 760)
    qtbot.waitUntil(lambda: is_whole(opened, opened.central.view.strain))
