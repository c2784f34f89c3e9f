"""Adapt the chosen network to the open recording, on the engine thread, and take the adapted weights into use."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from app.controllers.commands import Commands
from app.controllers.estimation import Device
from app.controllers.one_job import OneJobController
from app.jobs import JobControl
from app.preferences import preferences_path
from app.state import Activity, OpenRecording
from engine.interruption import interrupted_by
from engine.networks.catalogue import ADAPTABLE
from engine.types import RFSequence

FEWEST_FRAMES = 4


@dataclass(frozen=True)
class AdaptOutcome:
    """What came of it: where the adapted weights are, None where the original ones were not beaten."""

    path: Path | None
    loss_before: float
    loss_after: float
    steps: int


Adapt = Callable[[RFSequence, str, int, float, Path, Device, JobControl], AdaptOutcome]


def adapt_and_save(
    sequence: RFSequence, method: str, reference: int, minutes: float, path: Path, device: Device, control: JobControl
) -> AdaptOutcome:
    """Fine-tune for at most `minutes`; weights that are no better on held-out frames are not written."""
    from engine.training.adapt import AdaptSettings, adapt

    settings = AdaptSettings(reference=reference)
    with interrupted_by(control.cancelled):
        found = adapt(sequence, method, settings, minutes, device.get(), control.progress, control.cancelled)
    control.check()
    if found.improved:
        path.parent.mkdir(parents=True, exist_ok=True)
        found.save(path)
    return AdaptOutcome(path if found.improved else None, found.loss_before, found.loss_after, found.steps)


def adapted_folder() -> Path:
    """Where adapted weights lie: beside the preferences, never in the program."""
    return preferences_path().parent / "adapted"


class AdaptController(OneJobController):
    """Turns the wish to adapt into a job; the original weights stay, and are one choice away."""

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.state, commands.jobs.engine, "adapt", commands.parent)
        self._commands = commands
        self.work: Adapt = adapt_and_save

    def cannot_start(self) -> str:
        """Say why nothing can be adapted now, or nothing."""
        state = self._state
        if state.recording is None:
            return "Open a recording first."
        if state.settings.method not in ADAPTABLE:
            return "Choose a network as the method first: only networks adapt."
        if state.recording.frames < FEWEST_FRAMES:
            return f"Adaptation needs at least {FEWEST_FRAMES} frames, to hold one out."
        return ""

    def uses_other_weights(self) -> bool:
        """Say whether the chosen method runs with weights that are not those in the box."""
        return bool(getattr(self._state.settings.parameters, "weights", ""))

    def start(self, minutes: float) -> None:
        """Adapt for at most `minutes`."""
        recording, settings = self._state.recording, self._state.settings
        reason = self.cannot_start()
        if reason or recording is None:
            self.failed.emit(reason)
            return
        self._commands.processing.cancel()
        stem = "".join(letter if letter.isalnum() else "-" for letter in Path(recording.sequence.name).stem)[:40]
        path = adapted_folder() / f"{settings.method}-{stem}-{time.strftime('%Y%m%d-%H%M%S')}.safetensors"
        device = self._commands.processing.device
        work = partial(self.work, recording.sequence, settings.method, settings.reference, minutes, path, device)
        title = f"Adapting {settings.method} to {recording.sequence.name}"
        self._begin(
            work,
            title,
            partial(self._done, recording, settings.method),
            cancelled="Adaptation cancelled: the original weights stay in use.",
            progress=partial(self._progress, title),
        )

    def use_original(self) -> None:
        """Go back to the weights in the box."""
        parameters = self._state.settings.parameters
        if parameters is not None and self.uses_other_weights():
            self._commands.processing.set_parameters(replace(parameters, weights=""))  # type: ignore[call-arg]

    def _progress(self, title: str, done_s: int, total_s: int) -> None:
        self._state.set_activity(Activity(f"{title}, {max(total_s - done_s, 0)} s left at most", done_s, total_s))

    def _done(self, recording: OpenRecording, method: str, outcome: AdaptOutcome) -> None:
        state = self._state
        if outcome.path is None:
            state.set_notice(f"Nothing was gained in {outcome.steps} steps: {method} keeps its original weights.")
            return
        gain = f"held-out loss {outcome.loss_before:.4f} to {outcome.loss_after:.4f} in {outcome.steps} steps"
        state.set_notice(f"{method} adapted ({gain}): {outcome.path}")
        parameters = state.settings.parameters
        same = state.recording is not None and state.recording.number == recording.number
        if same and state.settings.method == method and parameters is not None:
            chosen = replace(parameters, weights=str(outcome.path))  # type: ignore[call-arg]
            self._commands.processing.set_parameters(chosen)
            self._commands.processing.start()
