"""Small recordings and results, and the commands that work on them, for the programs that interrupt and kill."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.cli import main
from engine.simulation.protocols import protocol
from engine.simulation.write import write_recording
from engine.types import RFSequence

TRAINING = Path(__file__).parents[1] / "tiny-training.toml"
ROWS, LINES, FRAMES = 600, 48, 4
REGIONS = ["--target", "0,8,1.5,1.5", "--background", "-4,8,1.5,1.5"]


@dataclass(frozen=True)
class Inputs:
    """What the commands read: a recording, several of them, and a result of the first."""

    recording: Path
    recordings: tuple[Path, ...]
    result: Path


def make_inputs(folder: Path) -> Inputs:
    """Simulate once, cut to a small size, and estimate."""
    sequence = next(iter(protocol("small-noisy").recordings((1,), 4242)))[2].sequence()
    frames = np.stack([sequence.frame(index)[:ROWS, :LINES] for index in range(FRAMES)])
    cut = RFSequence.from_array(frames, sequence.geometry)
    recordings = tuple(folder / f"recording-{number}.h5" for number in range(4))
    for path in recordings:
        write_recording(path, cut, with_truth=False)
    result = folder / "result.h5"
    assert main(["estimate", str(recordings[0]), "-o", str(result), "--method", "ncc"]) == 0
    return Inputs(recordings[0], recordings, result)


Command = Callable[[Inputs, Path], list[str]]

COMMANDS: dict[str, Command] = {
    "info": lambda given, out: ["info", str(given.recording), "--quality"],
    "methods": lambda given, out: ["methods", "--json"],
    "estimate": lambda given, out: ["estimate", str(given.recording), "-o", str(out / "result.h5"), "--method", "ncc"],
    "estimate-glue": lambda given, out: ["estimate", str(given.recording), "-o", str(out / "r.h5"), "--method", "glue"],
    "metrics": lambda given, out: ["metrics", str(given.result), *REGIONS, "--json"],
    "figure": lambda given, out: ["figure", str(given.result), "-o", str(out / "figure.pdf")],
    "movie": lambda given, out: ["movie", str(given.result), "-o", str(out / "movie.gif")],
    "sheet": lambda given, out: ["sheet", str(given.result), "-o", str(out / "sheet.png")],
    "export": lambda given, out: ["export", str(given.result), "-o", str(out / "result.mat")],
    "profile": lambda given, out: ["profile", str(given.result), "-o", str(out / "p.csv"), "--line", "-3,8,3,8"],
    "histogram": lambda given, out: ["histogram", str(given.result), "-o", str(out / "h.csv"), *REGIONS],
    "elasticity": lambda given, out: ["elasticity", str(given.result), "--reference", "-4,8,1.5,1.5"],
    "simulate": lambda given, out: ["simulate", "-o", str(out), "--protocol", "small-noisy"],
    "train": lambda given, out: ["train", str(TRAINING), "-o", str(out / "run")],
    "batch": lambda given, out: [
        *("batch", *map(str, given.recordings), "-o", str(out / "results"), "--method", "ncc", "--workers", "2"),
    ],
}
"""What is interrupted, by name: the arguments of the command line, writing into a folder."""
