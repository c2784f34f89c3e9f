"""Train the strain stage of the end-to-end network: `python scripts/strain_cnn.py OUTPUT.safetensors`.

With `--first-stage end-to-end-cnn-v1` it learns from what the displacement stage finds in simulated RF, as in the
paper, in place of true displacement with noise.
"""

import argparse
import sys
from pathlib import Path

from engine.errors import StrainscopeError
from engine.training.strain_cnn import train_strain_cnn


def _report(iteration: int, loss: float) -> None:
    sys.stdout.write(f"{iteration}: {loss:.4f} % strain\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--first-stage", default="", help="Weights of end-to-end-cnn, by name or path")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--iterations", type=int, default=6000, help="Fewer, with time to spare, end alike everywhere")
    chosen = parser.parse_args()
    try:
        train_strain_cnn(
            chosen.output, chosen.minutes, chosen.iterations, report=_report, first_stage=chosen.first_stage
        )
    except StrainscopeError as error:
        parser.error(str(error))
