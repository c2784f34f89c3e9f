"""Estimate strain, and stop."""

from app.actions import Action
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Strain menu."""
    state, commands = context.state, context.commands

    def ready() -> bool:
        several = state.recording is not None and state.recording.frames > 1
        unfinished = state.run is None or state.run.status not in {"running", "complete"}
        return several and bool(state.methods) and unfinished

    return (
        Action(
            "estimate",
            "&Estimate strain",
            commands.processing.start,
            menu="Strain",
            place=100,
            tool_bar=500,
            icon="estimate",
            short_text="Estimate",
            key="Ctrl+R",
            tip="Estimate strain, or go on with it",
            enabled=ready,
        ),
        Action(
            "cancel", "&Cancel", commands.cancel, "Strain", 101, icon="cancel", key="Ctrl+.",
            tip="Stop; frames that are done stay", enabled=commands.can_cancel,
        ),
    )  # fmt: skip


FEATURES.register("estimating", build)
