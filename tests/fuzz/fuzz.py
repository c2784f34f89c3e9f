"""Damaged files for every reader, result, workspace, card and training file, to find what breaks the program.

    python tests/fuzz/fuzz.py --minutes 1                    every target, guided by coverage where atheris is installed
    python tests/fuzz/fuzz.py --minutes 10 --target uff      one of them
    python tests/fuzz/fuzz.py --files 50 --mutate            so many files by mutation alone, always the same ones

A file is in order if it opens, or is refused by a StrainscopeError of one line. What is counted as a fault: any other
exception, an end of the process, more than 6 s of its processor time, more than 300 MiB of memory. Inputs that found
one are kept in the folder `--found`; each becomes a test and goes.
"""

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from seeds import SEEDS  # noqa: E402 - this file is run, not imported

PROCESSOR_S, MEMORY_MIB, SILENCE_S = 6.0, 300, 60.0
COMPANIONS = {"vevo": "a.bmode"}
NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
TEXTS = (b"nan", b"inf", b"-1", b"0", b"1e308", b"9" * 400, b"../../x", b"%d", b"\xff\xfe", b"\x1b[2J", b"[" * 300, b"")


def main() -> int:
    """Run the targets one after the other and print a line for each; the status is 1 if there was a fault."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=1.0, help="for each target")
    options.add_argument("--files", type=int, default=2**62, help="at most, for each target")
    options.add_argument("--target", action="append", choices=SEEDS)
    options.add_argument("--mutate", action="store_true", help="by mutation, though atheris is there")
    options.add_argument("--found", type=Path, default=Path("fuzz-found"))
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        return _child(given.child[0], Path(given.child[1]), given)
    faults = 0
    for target in given.target or SEEDS:
        counts = _run(target, given)
        faults += sum(number for name, number in counts.items() if name not in {"files", "opened", "refused"})
        print(f"{target:12} " + ", ".join(f"{number} {name}" for name, number in counts.items()), flush=True)  # noqa: T201
    return 1 if faults else 0


def _run(target: str, given: argparse.Namespace) -> dict[str, int]:
    """Run children over one target until its time or its files are over; a child that dies had a fault."""
    until, counts = time.monotonic() + 60 * given.minutes, {"files": 0, "opened": 0, "refused": 0}
    with tempfile.TemporaryDirectory(prefix="strainscope-fuzz-") as name:
        folder = Path(name)
        (folder / "seeds").mkdir()
        SEEDS[target](folder / "seeds")
        while time.monotonic() < until and counts["files"] < given.files:
            left = f"{max(0.01, (until - time.monotonic()) / 60):.4f}"
            call = [sys.executable, __file__, "--child", target, name, "--minutes", left, "--found", str(given.found)]
            call += ["--files", str(given.files - counts["files"])] + ["--mutate"] * given.mutate
            (folder / "start").write_text(str(counts["files"]))
            child = subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            status = _watched(child, folder)
            for key, number in _told(folder).items():
                counts[key] = counts.get(key, 0) + number
            if status != 0:
                _keep(given.found, target, folder / "input", f"status{status}")
                counts["crashes or hangs"] = counts.get("crashes or hangs", 0) + 1
                counts["files"] += 1
    return counts


def _watched(child: "subprocess.Popen[bytes]", folder: Path) -> int:
    """Wait for a child; one that says nothing for long is ended."""
    while child.poll() is None:
        time.sleep(0.1)
        told = folder / "counts"
        if told.exists() and time.time() - told.stat().st_mtime > SILENCE_S:
            child.kill()
    return child.wait()


def _told(folder: Path) -> dict[str, int]:
    path = folder / "counts"
    told = json.loads(path.read_text()) if path.exists() else {}
    path.unlink(missing_ok=True)
    return told


def _keep(found: Path, target: str, what: Path, how: str) -> None:
    if what.exists():
        shutil.copytree(what, found / f"{target}-{how}-{time.time_ns()}", dirs_exist_ok=True)


class Target:
    """One kind of file: writes an input, opens it, and counts what came of it."""

    def __init__(self, name: str, folder: Path, found: Path) -> None:
        self.name, self.folder, self.found = name, folder, found
        seeds = sorted(path for path in (folder / "seeds").iterdir() if path.name != COMPANIONS.get(name))
        self.seeds = {path.name: path.read_bytes() for path in seeds}
        self.counts = {"files": 0, "opened": 0, "refused": 0}
        self.open = _opener(name)
        self.input = folder / "input"
        shutil.rmtree(self.input, ignore_errors=True)
        self.input.mkdir()
        if name in COMPANIONS:
            shutil.copy(folder / "seeds" / COMPANIONS[name], self.input)

    def try_file(self, name: str, content: bytes) -> None:
        """Open one file."""
        from engine.errors import StrainscopeError

        path = self.input / name
        path.write_bytes(content)
        _forget_peak()
        before, started = _memory_mib("VmRSS"), time.process_time()
        try:
            self.open(path)
            self._count("opened")
        except StrainscopeError as error:
            self._count("refused")
            if "\n" in str(error) or not str(error).strip() or "\x1b" in str(error):
                self._fault("messages")
        except Exception as error:  # noqa: BLE001 - what is looked for
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._fault("exceptions", f"{type(error).__name__}-{Path(where.filename).stem}-{where.lineno}")
        if time.process_time() - started > PROCESSOR_S:
            self._fault("slow")
        if _memory_mib("VmHWM") - before > MEMORY_MIB:
            self._fault("large")
        self._count("files")
        path.unlink()
        if self.counts["files"] % 10 == 1:
            self.tell()

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1

    def _fault(self, kind: str, where: str = "") -> None:
        self._count(kind)
        if self.counts[kind] <= 20:
            _keep(self.found, self.name, self.input, where or kind)

    def tell(self) -> None:
        (self.folder / "counts.new").write_text(json.dumps(self.counts))
        (self.folder / "counts.new").replace(self.folder / "counts")


def _opener(target: str) -> Callable[[Path], None]:
    from engine.errors import MissingGeometryError

    def recording(path: Path) -> None:
        from engine.readers import ReadOptions, open_recording

        found = open_recording([path], ReadOptions())
        try:
            sequence = found.complete(accept_suggested=True)
        except MissingGeometryError:
            needed = {"sampling_hz": 40e6, "center_hz": 6e6, "pitch_m": 3e-4}
            given = {name: value for name, value in needed.items() if name not in found.known}
            sequence = found.complete(given, accept_suggested=True)
        for index in {0, sequence.shape[0] - 1}:
            sequence.frame(index)

    def result(path: Path) -> None:
        from engine.export.result_file import read_result

        found = read_result(path)
        for row in {0, found.shape[0] - 1}:
            found.read_frame(row)

    def card(path: Path) -> None:
        from engine.networks.weights import WeightsCard

        WeightsCard.read(path.with_suffix(".safetensors"))

    def training(path: Path) -> None:
        from engine.training.config import load

        load(path)

    def workspace(path: Path) -> None:
        from app.state.workspace_file import load_workspace, places

        found = load_workspace(path)
        if found.geometry is not None:
            found.geometry.answer()
        places(found, path.parent)

    others = {"result": result, "card": card, "training": training, "workspace": workspace}
    return others.get(target, recording)


def _child(name: str, folder: Path, given: argparse.Namespace) -> int:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        if given.mutate:
            raise ImportError
        import atheris
    except ImportError:
        _mutate_all(Target(name, folder, given.found), int((folder / "start").read_text()), given)
        return 0
    with atheris.instrument_imports(include=["engine", "app"]):
        import engine.export.result_file
        import engine.networks.weights
        import engine.readers
        import engine.training.config  # noqa: F401
    target = Target(name, folder, given.found)
    names = list(target.seeds)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, content in enumerate(target.seeds.values()):
        (corpus / f"seed-{number}").write_bytes(bytes([number]) + content)

    def one(data: bytes) -> None:
        if data:
            target.try_file(names[data[0] % len(names)], data[1:])

    seconds = max(1, int(given.minutes * 60))
    limits = [f"-max_total_time={seconds}", f"-runs={min(given.files, 2**31 - 1)}", "-rss_limit_mb=4096", "-timeout=30"]
    atheris.Setup([sys.argv[0], *limits, "-max_len=65536", f"-artifact_prefix={folder}/", str(corpus)], one)
    import atexit

    atexit.register(target.tell)
    atheris.Fuzz()
    return 0


def _mutate_all(target: Target, first: int, given: argparse.Namespace) -> None:
    until = time.monotonic() + 60 * given.minutes
    for number in range(first, first + min(given.files, 2**40)):
        if time.monotonic() > until:
            break
        draw = random.Random(f"{target.name}/{number}")
        name = draw.choice(sorted(target.seeds))
        target.try_file(name, mutated(draw, target.seeds[name]))
    target.tell()


def mutated(draw: random.Random, content: bytes) -> bytes:
    """Damage a file at a few places, at its beginning more often."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        place = draw.randrange(min(len(data), 2048) if draw.random() < 0.6 else len(data)) if data else 0
        match draw.randrange(9):
            case 0:
                data[place : place + 1] = bytes([draw.getrandbits(8)])
            case 1:
                data[place & ~3 : (place & ~3) + 4] = struct.pack(draw.choice("<>") + "I", draw.choice(NUMBERS))
            case 2:
                data[place & ~7 : (place & ~7) + 8] = struct.pack(draw.choice("<>") + "Q", 2 ** draw.randrange(64))
            case 3:
                data[place & ~7 : (place & ~7) + 8] = struct.pack("<d", draw.choice((0.0, -1.0, 1e300, float("nan"))))
            case 4:
                del data[place:]
            case 5:
                del data[place : place + draw.choice((1, 4, 64))]
            case 6:
                data[place:place] = data[place : place + draw.choice((1, 8, 512))]
            case 7:
                text = draw.choice(TEXTS)
                data[place : place + len(text)] = text
            case _:
                data[place : place + draw.choice((4, 32, 512))] = bytes(draw.choice((4, 32, 512)))
    return bytes(data)


def _memory_mib(name: str) -> int:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    except OSError:
        return 0
    return int(lines[name].split()[0]) // 1024


def _forget_peak() -> None:
    if os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    sys.exit(main())
