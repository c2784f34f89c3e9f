"""The HDF5 files that Strainscope writes, and how they say what they are: by the root attribute `format`."""

from pathlib import Path

from engine.files.hdf5_reading import root_attribute

RECORDING = "strainscope-rf"
RESULT = "strainscope-result"


def is_result_file(path: Path) -> bool:
    """Say whether a file declares itself a result; anything that cannot be opened is not one."""
    try:
        return path.is_file() and root_attribute(path, "format") == RESULT
    except OSError:
        return False
