"""`strainscope agreement`: how well halves of a recording agree and predict each other, where no truth is known."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._groups import grouped
from app.commands._output import echo, echo_columns, echo_json
from app.commands._shared import AsJson, Device, Files, Opening
from app.commands.estimate import Reference

if TYPE_CHECKING:
    from engine.evaluation.agreement import Agreement

Methods = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="NAME", help="Estimator, see `strainscope methods`; repeatable."),
]


@grouped
def agreement(
    files: Files,
    opening: Opening,
    methods: Methods = None,
    reference: Reference = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Estimate halves of a recording apart: how their strain agrees, and how each predicts the other's frames."""
    from engine.device import choose_device
    from engine.estimators.default import default_method
    from engine.evaluation.agreement import agreement as measure
    from engine.pipeline import Settings

    sequence = opening.sequence(files)
    chosen = [Settings(name, reference=reference) for name in dict.fromkeys(methods or [default_method()])]
    found: list[Agreement] = [measure(sequence, settings, choose_device(device)) for settings in chosen]
    if as_json:
        echo_json({"recording": sequence.name, "methods": found})
        return
    rows = [["Method", "Halves agree", "Predicted", "Frames"]]
    for entry in found:
        mean = sum(entry.predicted) / len(entry.predicted)
        rows.append([entry.method, f"{entry.halves:.3f}", f"{mean:.3f}", " ".join(f"{v:.3f}" for v in entry.predicted)])
    echo_columns(rows)
    echo("correlation of both halves' strain; local correlation (median) of frames moved by the other half's pattern")
