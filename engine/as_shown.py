"""What the provenance of a result says of how it is shown: the method in words, and what was done to the maps."""

from dataclasses import replace

from engine.types import Provenance


def result_title(provenance: Provenance) -> str:
    """Name the method of a result for people; results of earlier versions know its short name alone."""
    return str(provenance.parameters.get("title") or provenance.method)


def noted(
    provenance: Provenance,
    *,
    relative: bool = False,
    averaged_frames: int = 1,
    at_most: bool = False,
    quality: float = 0.0,
    measured_above: float = 0.0,
    measured_map: str = "",
    deformed: bool = False,
    followed_from: int | None = None,
) -> Provenance:
    """Add to a provenance how its maps are shown; as estimated, nothing is added.

    Pixels of a quality below `quality` are not shown, those below `measured_above` not measured. Of many frames
    `averaged_frames` is what was averaged `at_most`. `measured_map` was measured beside axial strain. Maps may be
    shown in `deformed` shape, and regions are `followed_from` the frame on which they were drawn.
    """
    shown: dict[str, object] = {}
    if relative:
        shown["strain"] = "divided by the mean of each frame"
    if averaged_frames > 1:
        shown["averaged_frames"] = f"up to {averaged_frames}" if at_most else averaged_frames
    if quality > 0:
        shown["quality_above"] = quality
    if measured_above > 0:
        shown["measured_quality_above"] = measured_above
    if measured_map:
        shown["measured_map"] = measured_map
    if deformed:
        shown["shape"] = "deformed"
    if followed_from is not None:
        shown["regions"] = f"follow the tissue from frame {followed_from}"
    if not shown:
        return provenance
    return replace(provenance, parameters={**provenance.parameters, "shown": shown})
