"""Where the frozen program begins: the command line, the window where nothing is asked, and its own children."""

import multiprocessing
import sys

multiprocessing.freeze_support()  # a worker of `batch` goes no further

from engine.files.reading_process import READ_HDF5  # noqa: E402

if READ_HDF5 in sys.argv[1:2]:
    from engine.files.hdf5_process import main as read_hdf5

    read_hdf5()
    sys.exit()

from app.__main__ import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["view"]))
