"""The tissue of a run's frames, followed as far as they are estimated."""

from app.state.runs import Run
from engine.following import Tissue, home_of
from engine.types import RFSequence


def tissue_of(run: Run, sequence: RFSequence) -> Tissue:
    """Follow the tissue through the frames that a run has now; what was followed before is not read again."""
    settings, shape = run.settings, (sequence.shape[1], sequence.shape[2])
    wanted = range(sequence.shape[0]) if settings.frames is None else settings.frames
    references = settings.pairs.references(run.store.shown_frames(), settings.reference)
    home = home_of(settings.pairs, wanted, settings.reference)
    return Tissue(run.store.read, references, home, shape, sequence.geometry, run.followed)
