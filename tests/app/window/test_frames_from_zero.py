"""Frames count from 0 wherever the window says or takes a frame's number, as in files and on the command line."""

from pytestqt.qtbot import QtBot

from app.features.comparison.view import CompareView
from app.panels.measurements import MeasurementsPanel
from app.panels.method import MethodPanel
from app.views.traces import TraceView
from app.window.main_window import MainWindow


def test_every_label_says_the_number_of_the_state(opened: MainWindow, qtbot: QtBot) -> None:
    opened.commands.playback.show_frame(3)
    qtbot.waitUntil(lambda: opened.state.picture is not None and opened.state.picture.frame == 3)
    assert opened.central.play_bar.position.text() == "Frame 3 of 0\N{EN DASH}5"
    assert opened.central.play_bar.time_line.describe(0) == "Frame 0 of 0\N{EN DASH}5: reference"
    assert "frame 3 against 0" in opened.central.view.strain._caption.text()
    assert opened.findChild(MeasurementsPanel).frame.text() == "Frame 3"


def test_every_box_takes_the_number_of_the_state(opened: MainWindow, qtbot: QtBot) -> None:
    opened.actions_by_name["compare"].trigger()
    other = opened.findChild(CompareView).frame
    qtbot.waitUntil(lambda: (other.minimum(), other.maximum()) == (0, 5))
    reference = opened.findChild(MethodPanel).reference
    assert (reference.minimum(), reference.value(), reference.maximum()) == (0, 0, 5)
    reference.setValue(2)
    assert opened.state.settings.reference == 2


def test_the_graph_stands_at_the_number_of_the_frame(qtbot: QtBot) -> None:
    graph = TraceView()
    qtbot.addWidget(graph)
    graph.show_points((1, 2, 4), (0.5, 0.6, 0.7), "CNR", 6)
    graph.show_frame(4)
    assert list(graph._curve.getData()[0]) == [1, 2, 4]
    assert graph._marker.value() == 4
    low, high = graph.getPlotItem().getViewBox().viewRange()[0]
    assert (low, high) == (-0.5, 5.5)
