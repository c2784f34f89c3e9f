"""What exports are made from, frozen when they were asked for: a run as a result, and what is chosen of it."""

from dataclasses import dataclass, replace

from app.features.profile.state import ProfileState
from app.jobs import JobControl
from app.state import Run, ViewerState
from engine.figures.compose import Choices, Limits
from engine.figures.content import Marks
from engine.pipeline import Settings
from engine.provenance import describe_run, make_provenance
from engine.quantity import AXIAL_STRAIN
from engine.types import Result, RFSequence


@dataclass(frozen=True)
class RunResult:
    """A run's frames as a result; its recording is hashed only where a file is written."""

    sequence: RFSequence
    settings: Settings
    result: Result

    def hashed(self, control: JobControl) -> Result:
        """Return the result with its whole provenance, for which the recording is read."""
        return replace(self.result, provenance=make_provenance(self.sequence, self.settings, control.cancelled))


def run_result(run: Run, sequence: RFSequence) -> RunResult:
    """Freeze the frames that a run has now."""
    source = describe_run(sequence, run.settings)
    return RunResult(sequence, run.settings, run.store.result(run.settings.reference, source))


def present_choices(state: ViewerState, limits: Limits | None, drawn: str = AXIAL_STRAIN) -> Choices:
    """Return what the window shows now as what a figure is to show, of the map that is `drawn`."""
    regions = state.regions
    marks = Marks(regions.target, regions.background, regions.lesion, state.slice(ProfileState).line)
    return Choices(state.display, drawn, marks, limits=limits)
