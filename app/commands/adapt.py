"""`strainscope adapt`: fine-tune a network on one recording for a bounded time."""

import math
from pathlib import Path
from typing import Annotated

import typer

from app.commands._groups import grouped
from app.commands._output import echo, echo_json
from app.commands._parse import parse_settings
from app.commands._shared import AsJson, Device, Files, Opening
from app.commands.estimate import progress_bar
from engine.errors import ParameterError


@grouped
def adapt(
    files: Files,
    opening: Opening,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="WEIGHTS.safetensors", help="Adapted weights to write.")
    ],
    method: Annotated[str, typer.Option("--method", metavar="NAME", help="Network to adapt.")] = "musse-net",
    minutes: Annotated[float, typer.Option("--minutes", metavar="M", help="Longest time to spend.")] = 2.0,
    device: Device = "auto",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the adaptation; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Adapt a network to a recording; use the weights with `estimate --set weights=WEIGHTS.safetensors`."""
    from engine.device import choose_device
    from engine.files.atomic import check_target
    from engine.training.adapt import AdaptSettings
    from engine.training.adapt import adapt as run

    if not 0 < minutes < math.inf:
        raise ParameterError(f"--minutes: expected a positive number, found {minutes:g}")
    if output.suffix != ".safetensors":
        raise ParameterError(f"--output: {output.name} is not a .safetensors file")
    chosen = AdaptSettings.from_text(parse_settings(settings or [])["method"])
    sequence = opening.sequence(files)
    check_target(output, sequence.files)
    with progress_bar(f"adapting {method}") as progress:
        adapted = run(sequence, method, chosen, minutes, choose_device(device), progress)
    card = adapted.save(output)
    if as_json:
        echo_json(
            {
                "weights": output,
                "card": card,
                "loss_before": adapted.loss_before,
                "loss_after": adapted.loss_after,
                "steps": adapted.steps,
                "seconds": adapted.seconds,
            }
        )
        return
    change = f"held-out loss {adapted.loss_before:.4f} to {adapted.loss_after:.4f}"
    echo(f"{output}: {change} in {adapted.steps} steps, {adapted.seconds:.0f} s")
    if not adapted.improved:
        echo("nothing was gained: these are the original weights")
