"""What exports are made from, frozen when they were asked for: a run as a result, and what is chosen of it."""

from dataclasses import dataclass, replace

from app.features.profile.state import ProfileState
from app.jobs import JobControl
from app.state import Run, ViewerState
from app.state.maps import MAP_COLORS, ShownMap
from engine.figures.compose import Choices, Limits, OtherMap
from engine.figures.content import Marks
from engine.figures.options import FigureOptions
from engine.pipeline import Settings
from engine.provenance import describe_run, make_provenance
from engine.quantity import QUANTITIES
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


def present_choices(state: ViewerState, limits: Limits | None, options: FigureOptions | None = None) -> Choices:
    """Return what the window shows now as what a figure is to show."""
    regions = state.regions
    marks = Marks(regions.target, regions.background, regions.lesion, state.slice(ProfileState).line)
    return Choices(state.display, marks, options or FigureOptions(), limits)


def other_map(shown: ShownMap | None) -> OtherMap | None:
    """Return the map that is shown in place of strain, as figures take it."""
    if shown is None:
        return None
    colors = MAP_COLORS.get(shown.kind, "")
    return OtherMap(shown.values, QUANTITIES[shown.quantity], colors, averaged=shown.kind in {"error", "quality"})
