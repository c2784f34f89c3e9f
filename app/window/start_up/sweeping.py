"""Clear away, in the background at the start, the results of windows that were killed."""

from app.jobs import JobControl
from app.state.result_folder import sweep
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Look once, when the window starts."""

    def begin() -> None:
        context.jobs.results.submit(_sweep)

    context.at_start.append(begin)
    return ()


def _sweep(_control: JobControl) -> int:
    return sweep()


FEATURES.register("sweeping", build)
