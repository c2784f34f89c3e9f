"""`strainscope example`: the bundled recording, where a newcomer can try everything on it."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from app.commands._output import echo


def example(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where to copy it; a folder takes its usual name.")
    ] = Path("recording.h5"),
) -> None:
    """Copy the bundled recording: simulated, with a stiff lesion at -4 mm and a depth of 14 mm."""
    from engine.errors import WriteError
    from engine.files.atomic import atomic_path
    from engine.scripting import example as bundled

    place = output / "recording.h5" if output.is_dir() else output
    if place.exists():
        raise WriteError(f"cannot write {place}: it is there already")
    with atomic_path(place) as temporary:
        shutil.copyfile(bundled(), temporary)
    echo(f"{place}: try `strainscope info {place}`, and then the line that it ends with")
