"""The second map of `strainscope figure --compare`: another method's result, or another frame of the same one."""

from dataclasses import replace
from typing import TYPE_CHECKING

from app.commands._shared import estimated_frame
from app.commands.figure import as_shown, panel_title
from engine.errors import ParameterError

if TYPE_CHECKING:
    from engine.figures.comparison import ComparisonFigure
    from engine.figures.figure import FigureContent
    from engine.types import Ellipse, Result


def comparison(
    content: "FigureContent",
    first: "Result",
    second: "Result",
    frame: int,
    regions: "tuple[Ellipse | None, Ellipse | None]",
    average: int,
    *,
    relative: bool,
) -> "ComparisonFigure":
    """Add a frame of the second result to the figure of the first; both must be of one recording."""
    from engine.figures.comparison import ComparisonFigure
    from engine.figures.figure import StrainPanel
    from engine.figures.shown import noted
    from engine.metrics.contrast import strain_metrics
    from engine.strain.persistence import averaged_frames

    if (first.shape[1:], first.provenance.input_sha256) != (second.shape[1:], second.provenance.input_sha256):
        raise ParameterError("--compare: the two results are of different recordings")
    shown = averaged_frames(second, average)(estimated_frame(second, frame))
    values, remarks = as_shown(shown, averaged=average > 1, relative=relative)
    panel = StrainPanel(panel_title(second, shown), values, strain_metrics(shown.strain, *regions))
    told = [f"{letter}: {' '.join(words)}" for letter, words in (("A", content.remarks), ("B", remarks)) if words]
    return ComparisonFigure(
        replace(
            content,
            strain=(*content.strain, panel),
            remarks=tuple(told),
            compared_with=noted(second.provenance, relative=relative, averaged_frames=len(shown.averaged)),
        )
    )
