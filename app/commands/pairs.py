"""`strainscope pairs`: which frames of a recording to compare."""

from dataclasses import asdict
from typing import Annotated

import typer

from app.commands._groups import grouped
from app.commands._output import echo, echo_columns, echo_json
from app.commands._shared import AsJson, Device, Files, Opening, say_notes
from app.commands.estimate import progress_bar


@grouped
def pairs(
    files: Files,
    opening: Opening,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="Pairs to list.")] = 10,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Rank pairs of frames by quality, compression and uncertainty; find the best reference, lag and cycles."""
    from engine.device import choose_device
    from engine.pair_finder import find_pairs

    sequence = opening.sequence(files)
    say_notes(sequence)
    with progress_bar("looking at pairs") as bar:
        found = find_pairs(sequence, choose_device(device), bar)
    if as_json:
        ranked = [{**asdict(entry), "score": entry.score} for entry in found.pairs[:most]]
        echo_json({**asdict(found), "pairs": ranked, "words": found.words()})
        return
    for words in found.words():
        echo(f"{words[0].upper()}{words[1:]}.")
    rows = [
        [
            f"{entry.reference}-{entry.deformed}",
            f"{-100 * entry.mean_strain:.2g} %",
            f"{entry.quality:.2f}",
            f"{100 * entry.valid_share:.0f} %",
            f"{entry.strain_to_sigma:.3g}",
        ]
        for entry in found.pairs[:most]
    ]
    if rows:
        echo_columns([["pair", "compression", "quality", "valid", "strain over sigma"], *rows], indent="  ")
