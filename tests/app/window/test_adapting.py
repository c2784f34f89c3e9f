"""Adaptation in the window: what it needs, what it changes, and that the original weights are one choice away."""

from dataclasses import dataclass, replace
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.controllers.estimation import Device
from app.features.adapting.controller import AdaptController, AdaptOutcome, adapted_folder
from app.features.adapting.dialog import AdaptDialog
from app.jobs import JobControl
from app.state import MethodInfo
from app.window.main_window import MainWindow
from engine.parameters import Parameters, parameter
from engine.provenance import method_title
from engine.types import RFSequence

ONE_WINDOW = True


@dataclass(frozen=True)
class NetworkLike(Parameters):
    """What a network's parameters have."""

    weights: str = parameter("", help="Path of other weights")


def choose_network(window: MainWindow) -> AdaptController:
    """Put a network in place of the fake method, without any torch."""
    state = window.state
    state.set_methods((*state.methods, MethodInfo("musse-net", "MUSSE-Net", "network", NetworkLike)))
    state.set_settings(replace(state.settings, method="musse-net", parameters=NetworkLike()))
    return window.commands.part(AdaptController)


def outcome(path: Path | None) -> AdaptOutcome:
    return AdaptOutcome(path, 0.5, 0.4 if path else 0.5, 12)


def test_only_a_network_on_an_open_recording_adapts(opened: MainWindow) -> None:
    controller = opened.commands.part(AdaptController)
    assert "network" in controller.cannot_start()
    assert not opened.actions_by_name["adapt"].isEnabled()
    choose_network(opened)
    assert controller.cannot_start() == ""
    assert opened.actions_by_name["adapt"].isEnabled()


def test_better_weights_are_used_labelled_and_can_be_left(opened: MainWindow, qtbot: QtBot) -> None:
    controller = choose_network(opened)
    asked: list[tuple[str, int, float]] = []

    def work(
        sequence: RFSequence,
        method: str,
        reference: int,
        minutes: float,
        path: Path,
        device: Device,
        control: JobControl,
    ) -> AdaptOutcome:
        asked.append((method, reference, minutes))
        control.progress(30, 60)
        return outcome(path)

    controller.work = work
    opened.actions_by_name["adapt"].trigger()
    dialog = opened.findChild(AdaptDialog)
    assert isinstance(dialog, AdaptDialog)
    dialog.minutes.setValue(1.0)
    dialog.accept()
    qtbot.waitUntil(lambda: not controller.is_running() and controller.uses_other_weights(), timeout=10_000)
    assert asked == [("musse-net", 0, 1.0)]
    parameters = opened.state.settings.parameters
    assert isinstance(parameters, NetworkLike)
    assert Path(parameters.weights).parent == adapted_folder()
    assert method_title("MUSSE-Net", parameters) == "MUSSE-Net, adapted"
    assert "0.4000" in opened.state.notice or opened.state.run is not None
    opened.actions_by_name["original_weights"].trigger()
    assert opened.state.settings.parameters == NetworkLike()
    assert method_title("MUSSE-Net", NetworkLike()) == "MUSSE-Net"


def test_no_gain_keeps_the_original_weights(opened: MainWindow, qtbot: QtBot) -> None:
    controller = choose_network(opened)
    controller.work = lambda *_arguments: outcome(None)
    controller.start(1.0)
    qtbot.waitUntil(lambda: not controller.is_running(), timeout=10_000)
    assert not controller.uses_other_weights()
    assert "Nothing was gained" in opened.state.notice


def test_cancel_keeps_the_original_weights(opened: MainWindow, qtbot: QtBot) -> None:
    controller = choose_network(opened)

    def work(*arguments: object) -> AdaptOutcome:
        control = arguments[-1]
        assert isinstance(control, JobControl)
        while True:
            control.check()

    controller.work = work  # type: ignore[assignment]
    controller.start(1.0)
    opened.commands.cancel()
    qtbot.waitUntil(lambda: not controller.is_running(), timeout=10_000)
    assert not controller.uses_other_weights()
    assert "cancelled" in opened.state.notice
