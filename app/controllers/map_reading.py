"""A map of a run's frames, read as commands read it of a result: the same numbers in window and command line."""

from app.state import Run
from engine.maps.reading import ReadMap
from engine.provenance import describe_run
from engine.quantity import AXIAL_STRAIN
from engine.types import RFSequence


def map_of_run(run: Run, sequence: RFSequence, kind: str, *, remove_rigid: bool = False) -> ReadMap | None:
    """Return what reads a map of the frames that a run shows now, None for axial strain; lacks are a ParameterError."""
    if kind == AXIAL_STRAIN or not run.store.shown_frames():
        return None
    from engine.figures.compose import Choices
    from engine.figures.options import Shown
    from engine.figures.other_maps import needed_reader

    result = run.store.result(run.settings.reference, describe_run(sequence, run.settings), with_first=True)
    return needed_reader(result, Choices(Shown(remove_rigid=remove_rigid), kind), sequence)
