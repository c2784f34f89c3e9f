"""Train the strain stage of the end-to-end network: `python scripts/strain_cnn.py OUTPUT.safetensors`."""

import sys
from pathlib import Path

from engine.training.strain_cnn import train_strain_cnn


def _report(iteration: int, loss: float) -> None:
    sys.stdout.write(f"{iteration}: {loss:.4f} % strain\n")
    sys.stdout.flush()


if __name__ == "__main__":
    train_strain_cnn(Path(sys.argv[1]), report=_report)
