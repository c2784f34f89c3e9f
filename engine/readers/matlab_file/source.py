"""One door to MATLAB files of any version: their variables, and the arrays and structures behind them."""

from pathlib import Path

from engine.readers.matlab_file.v5 import MatlabV5
from engine.readers.matlab_file.v73 import MatlabV73

MAGIC = (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")
MatlabSource = MatlabV5 | MatlabV73


def open_matlab(path: Path) -> MatlabSource:
    """List the variables of a file."""
    with path.open("rb") as stream:
        version = stream.read(10)
    return MatlabV73(path) if version == b"MATLAB 7.3" else MatlabV5(path)
