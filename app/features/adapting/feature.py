"""Adapt the chosen network to the open recording, and go back."""

from functools import partial

from app.actions import Action
from app.features.adapting.controller import AdaptController
from app.features.adapting.dialog import AdaptDialog
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Strain menu."""
    state, controller = context.state, context.commands.part(AdaptController)
    controller.failed.connect(context.show_error)
    controller.changed.connect(context.refresh)

    def ask() -> None:
        if state.recording is None:
            return
        method = state.method.title if state.method else state.settings.method
        dialog = AdaptDialog(method, state.recording.sequence.name, context.window)
        dialog.accepted.connect(partial(_start, controller, dialog))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    return (
        Action(
            "adapt",
            "&Adapt to this recording\u2026",
            ask,
            menu="Strain",
            place=300,
            key="Ctrl+Shift+A",
            tip="Let the chosen network go on learning on this recording, without truth",
            enabled=lambda: not controller.cannot_start() and not controller.is_running(),
        ),
        Action(
            "original_weights",
            "Use the &original weights",
            controller.use_original,
            menu="Strain",
            place=301,
            tip="Go back from adapted weights to those in the box",
            enabled=controller.uses_other_weights,
        ),
    )


def _start(controller: AdaptController, dialog: AdaptDialog) -> None:
    controller.start(dialog.minutes.value())


FEATURES.register("adapting", build)
