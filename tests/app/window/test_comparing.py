"""Comparison: the right maps side by side, their difference, and nothing that does not belong."""

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.features.comparison.state import OTHER_FRAME, CompareState, Comparison
from app.features.comparison.view import CompareView
from app.window.main_window import MainWindow

from .conftest import expected_strain

ONE_WINDOW = True


def compared(window: MainWindow, qtbot: QtBot, first: tuple[str, int], second: tuple[str, int]) -> Comparison:
    """Wait for a comparison of two known constant maps and check that it is theirs."""
    compare = window.state.slice(CompareState)
    assert window.state.recording is not None
    sequence = window.state.recording.sequence
    wanted = [expected_strain(sequence, method, frame) for method, frame in (first, second)]

    def right() -> bool:
        found = compare.comparison
        sides = () if found is None else (found.first, found.second)
        return len(sides) == 2 and all(
            abs(float(np.nanmedian(side.values)) / value - 1) < 0.02 for side, value in zip(sides, wanted, strict=True)
        )

    qtbot.waitUntil(right, timeout=10_000)
    assert compare.comparison is not None
    difference = compare.comparison.first.values - compare.comparison.second.values
    assert float(np.nanmedian(difference)) == pytest.approx(wanted[0] - wanted[1], rel=0.05)
    return compare.comparison


def run_second(window: MainWindow, qtbot: QtBot) -> None:
    """Estimate with the second method too, and come back to the first."""
    state, processing = window.state, window.commands.processing
    processing.choose_method("second")
    processing.start()
    qtbot.waitUntil(lambda: state.run is not None and state.run.status == "complete", timeout=10_000)
    processing.choose_method("first")


def test_two_methods_and_their_numbers(opened: MainWindow, qtbot: QtBot) -> None:
    run_second(opened, qtbot)
    opened.actions_by_name["compare"].trigger()
    view = opened.findChild(CompareView)
    assert isinstance(view, CompareView)
    assert opened.central.images.currentWidget() is view
    frame = opened.state.frame
    found = compared(opened, qtbot, ("first", frame), ("second", frame))
    assert found.second.title == "Second method"
    assert view.cells["first", "snre"].text() != "\u2013"
    opened.commands.playback.show_frame(4)
    compared(opened, qtbot, ("first", 4), ("second", 4))
    opened.actions_by_name["compare"].trigger()
    assert opened.central.images.currentWidget() is opened.central.view


@pytest.mark.parametrize(("size", "below"), [((1500, 560), False), ((900, 900), True)])
def test_the_maps_lie_where_they_are_larger(
    opened: MainWindow, qtbot: QtBot, size: tuple[int, int], *, below: bool
) -> None:
    assert opened.state.recording is not None
    view = CompareView()
    qtbot.addWidget(view)
    view.show_grid(opened.state.recording.grid)
    view.resize(*size)
    view.show()
    qtbot.waitUntil(lambda: (view.difference.y() > view.first.geometry().bottom()) is below)
    assert view.first.y() == view.second.y()
    assert all(pane.isVisible() for pane in view.panes)


def test_two_frames_of_one_run(opened: MainWindow, qtbot: QtBot) -> None:
    opened.actions_by_name["compare"].trigger()
    opened.state.slice(CompareState).choose(OTHER_FRAME, 5)
    opened.commands.playback.show_frame(2)
    compared(opened, qtbot, ("first", 2), ("first", 5))


def test_nothing_stays_that_does_not_belong(opened: MainWindow, qtbot: QtBot) -> None:
    """The reference has no strain, and a recording that is gone takes the comparison along."""
    opened.actions_by_name["compare"].trigger()
    compare = opened.state.slice(CompareState)
    compare.choose(OTHER_FRAME, 0)
    assert "no strain" in compare.why_not()
    compare.choose(OTHER_FRAME, 3)
    qtbot.waitUntil(lambda: compare.comparison is not None, timeout=10_000)
    opened.state.set_recording(None)
    assert compare.comparison is None
