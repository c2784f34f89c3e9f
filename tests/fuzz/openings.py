"""Recordings of every kind opened, read and closed over and over: memory, open files and threads stay where they are.

    python tests/fuzz/openings.py --openings 1000

Memory is counted of the program and of the reading process. What it was after a tenth of the openings is compared with
what it is at the end; the last line is a JSON object with both.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import psutil  # noqa: E402 - this file is run, not imported
from seeds import SEEDS, result  # noqa: E402

from engine.export.result_file import read_result  # noqa: E402
from engine.readers import open_recording  # noqa: E402

NOT_READ = ("card", "training", "workspace", "result")
GROWTH_MIB = 5.0


def main() -> int:
    """Open and count; the status is 1 if anything grew."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--openings", type=int, default=1000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="strainscope-openings-") as name:
        paths = _files(Path(name))
        before: dict[str, float] = {}
        for number in range(given.openings):
            _open(paths[number % len(paths)])
            if number == max(given.openings // 10, 1):
                before = _state()
        after = _state()
    print(json.dumps({"kinds": len(paths), "openings": given.openings, "before": before, "after": after}))  # noqa: T201
    grown = after["mib"] - before["mib"] > GROWTH_MIB or after["reading_mib"] - before["reading_mib"] > GROWTH_MIB
    return 1 if grown or after["files"] > before["files"] or after["threads"] > before["threads"] else 0


def _files(folder: Path) -> list[Path]:
    """Write the seeds that a reader opens, and a result."""
    paths = []
    for name, write in SEEDS.items():
        if name in NOT_READ:
            continue
        (folder / name).mkdir()
        write(folder / name)
        paths += [path for path in sorted((folder / name).iterdir()) if _opens(path)]
    (folder / "result").mkdir()
    result(folder / "result")
    return paths + sorted((folder / "result").iterdir())


def _opens(path: Path) -> bool:
    try:
        open_recording([path])
    except Exception:  # noqa: BLE001 - a companion of another file, say
        return False
    return True


def _open(path: Path) -> None:
    if path.parent.name == "result":
        read_result(path)
        return
    recording = open_recording([path])
    recording.read_frame(recording.shape[0] - 1)


def _state() -> dict[str, float]:
    own = psutil.Process()
    return {
        "mib": round(own.memory_info().rss / 2**20, 1),
        "reading_mib": round(sum(child.memory_info().rss for child in own.children()) / 2**20, 1),
        "files": own.num_fds() if hasattr(own, "num_fds") else len(own.open_files()),
        "threads": own.num_threads(),
    }


if __name__ == "__main__":
    sys.exit(main())
