"""Readers of maps beside axial strain: of a result alone, with the recording's truth, or with a background."""

from engine.elasticity.base import ELASTICITY_METHODS
from engine.errors import ParameterError
from engine.evaluation.oracle import true_motion
from engine.figures.compose import Choices
from engine.maps.reading import ReadMap, map_reader
from engine.quantity import AXIAL_STRAIN
from engine.readers.base import Recording
from engine.types import Result, RFSequence

MODULUS_METHOD = "gauss-newton"


def needed_reader(result: Result, choices: Choices, recording: Recording | RFSequence | None) -> ReadMap | None:
    """Return what reads the chosen map, None for axial strain; what it lacks is a ParameterError.

    Truth and error need the simulated recording, the relative modulus the background, whose median is its 1.
    """
    if "true" in choices.entry.needs:
        truth = None if recording is None else recording.truth
        if truth is None:
            raise ParameterError(f"map {choices.map} needs the simulated recording, which holds the true motion")
        return map_reader(result, choices.map, true_motion(result, truth))
    if "modulus" in choices.entry.needs:
        background, method = choices.marks.background, ELASTICITY_METHODS.get(MODULUS_METHOD)
        if background is None:
            raise ParameterError("map modulus needs a background: its median modulus is the 1 of the map")
        return lambda frame: method.reconstruct(result.frame(frame), background, method.Params()).relative
    if choices.map == AXIAL_STRAIN:
        return None
    return map_reader(result, choices.map, remove_rigid=choices.shown.remove_rigid)
