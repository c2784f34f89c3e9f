"""`strainscope simulate`: recordings with exact truth, in our own format; the same seed gives the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands._output import echo, echo_json
from app.commands._shared import AsJson
from app.commands.estimate import progress_bar
from engine.errors import ParameterError

if TYPE_CHECKING:
    from engine.simulation.protocols import Protocol

Folder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the recordings; made if new.")]
Name = Annotated[str, typer.Option("--protocol", metavar="NAME", help="What to simulate; `--list` names them all.")]
Phantoms = Annotated[int, typer.Option("--phantoms", min=1, metavar="N", help="How many phantoms of the protocol.")]
Draws = Annotated[int, typer.Option("--draws", min=1, metavar="N", help="Draws of scatterers of each phantom.")]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Decides everything that is random.")]
NoTruth = Annotated[bool, typer.Option("--without-truth", help="Write the RF alone.")]
List = Annotated[bool, typer.Option("--list", help="Name the protocols and leave.")]


def simulate(
    folder: Folder = Path(),
    name: Name = "free",
    phantoms: Phantoms = 1,
    draws: Draws = 1,
    seed: Seed = 0,
    without_truth: NoTruth = False,
    listing: List = False,
    as_json: AsJson = False,
) -> None:
    """Simulate recordings of known motion: one HDF5 file for each phantom and draw of scatterers."""
    from engine.batch.outputs import make_folder
    from engine.simulation.protocols import PROTOCOLS, protocol

    if listing:
        _list(list(PROTOCOLS.values()), as_json)
        return
    chosen = protocol(name)
    if phantoms > len(chosen.numbers):
        raise ParameterError(f"--phantoms: protocol {name} has {len(chosen.numbers)} phantoms, found {phantoms}")
    make_folder(folder)
    written = _write_all(chosen, folder, chosen.numbers[:phantoms], draws, seed, with_truth=not without_truth)
    if as_json:
        echo_json({"protocol": name, "seed": seed, "files": written})
    else:
        echo(f"{len(written)} recordings in {folder}")


def _write_all(
    protocol: "Protocol", folder: Path, numbers: tuple[int, ...], draws: int, seed: int, *, with_truth: bool
) -> list[Path]:
    from engine.simulation.write import write_recording

    written: list[Path] = []
    total = sum(min(draws, protocol.draws_of(number)) for number in numbers)
    with progress_bar(protocol.name) as bar:
        for number, draw, recording in protocol.recordings(numbers, seed, draws=draws):
            path = folder / f"{protocol.name}-{number:03d}-{draw:02d}.h5"
            facts: dict[str, float | str] = {"protocol": protocol.name, "phantom": number, "draw": draw, "seed": seed}
            write_recording(path, recording.sequence(), with_truth=with_truth, attributes=facts)
            written.append(path)
            bar(len(written), total)
    return written


def _list(protocols: list["Protocol"], as_json: bool) -> None:
    from app.commands._output import echo_columns

    facts = [
        {
            "name": entry.name,
            "title": entry.title,
            "phantoms": len(entry.numbers),
            "draws": entry.draws,
            "frames": len(entry.strains) + 1,
        }
        for entry in protocols
    ]
    if as_json:
        echo_json({"protocols": facts})
        return
    header = ["Protocol", "Phantoms", "Draws", "Frames", ""]
    rows = [[str(fact[key]) for key in ("name", "phantoms", "draws", "frames", "title")] for fact in facts]
    echo_columns([header, *rows])
