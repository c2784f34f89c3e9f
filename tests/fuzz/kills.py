"""Writers killed at random moments: what they write is the old file or the new one, whole, and what is left is swept.

    python tests/fuzz/kills.py --kills 500 --seed 1

Each writer runs over and over in a child, which gets SIGKILL; then what it wrote is read, by what reads it in the
program. Temporary files that it left are made two days old, and the next writer in that folder must sweep them.
The last line is a JSON object: kills, those in the middle of a file (a temporary one was there), and what went wrong.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from programs import make_inputs  # noqa: E402 - this file is run, not imported
from writers import Writer, writers  # noqa: E402

from engine.files import atomic  # noqa: E402

OLD_S = 2 * 86_400.0


def main() -> int:
    """Kill, read, count; the status is 1 if anything was lost or left."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--writer", action="append")
    given = options.parse_args()
    draw, counts = random.Random(given.seed), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="strainscope-killed-") as name:
        folder = Path(name)
        known = writers(make_inputs(folder))
        names = given.writer or list(known)
        for number in range(given.kills):
            writer = names[number % len(names)]
            place = folder / writer
            place.mkdir(exist_ok=True)
            for problem in _killed(known[writer], place, draw):
                counts[problem.partition(":")[0]] += 1
                if problem != "in the middle":
                    print(f"{writer}: {problem}", flush=True)  # noqa: T201
            counts["kills"] += 1
    print(json.dumps(dict(counts)))  # noqa: T201
    return 0 if set(counts) <= {"kills", "in the middle"} else 1


def _killed(writer: Writer, folder: Path, draw: random.Random) -> list[str]:
    """Write once, then again and again in a child until it is killed; return what was found."""
    started = time.monotonic()
    writer.write(folder, 0)
    duration_s = time.monotonic() - started
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            for number in range(1, 10_000):
                writer.write(folder, number)
        finally:
            os._exit(1)
    time.sleep(draw.uniform(0, 3 * duration_s))
    os.kill(child, signal.SIGKILL)
    found = []
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        found.append("failed: the writer ended by itself")
    _wait_for_group(child)
    left = list(folder.rglob("*.part"))
    if left:
        found.append("in the middle")
    try:
        writer.check(folder)
    except Exception as error:  # noqa: BLE001 - what is looked for
        found.append(f"lost: {type(error).__name__}: {error}")
    return found + _not_swept(writer, folder, left)


def _wait_for_group(number: int) -> None:
    """Wait at most 30 s for what the killed writer had started: ffmpeg writes what it has read before it ends."""
    until = time.monotonic() + 30
    while _works(number) and time.monotonic() < until:
        time.sleep(0.01)


def _works(group: int) -> bool:
    for process in psutil.process_iter(["status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


def _not_swept(writer: Writer, folder: Path, left: list[Path]) -> list[str]:
    """Age what was left, write once more, as another process that starts later, and see that it is gone."""
    for path in left:
        os.utime(path, (time.time() - OLD_S,) * 2)
    child = os.fork()
    if child == 0:
        atomic._SWEPT.clear()
        try:
            writer.write(folder, 0)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    found = [f"left: {path.name}" for path in folder.rglob("*") if path.is_file() and path.name not in writer.files]
    for path in left:
        path.unlink(missing_ok=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
