"""Every command interrupted at random moments: it ends within a time, with status 130 and one line, and leaves no part.

    python tests/fuzz/interruptions.py --interruptions 300 --seed 1

The signals are SIGINT, SIGTERM and SIGHUP in turn, at a moment drawn over the time that the command takes alone, from
its first lines on: what comes before, the start of the interpreter and of the module `signal`, no program can answer. A
command that was done before its signal came is `too late`. The last line is a JSON object with what was found.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from programs import COMMANDS, Inputs, make_inputs  # noqa: E402 - this file is run, not imported

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STATUS = 130
BEGUN = """
import os, sys
from app.signals import answer_signals
answer_signals()
os.write(int(sys.argv.pop(1)), b".")
from app.__main__ import main
sys.exit(main())
"""
"""What the console script does, and tells through a pipe when it has begun."""


class Program:
    """One command as a process that tells when it begins; what it says on stderr is kept."""

    def __init__(self, name: str, given: Inputs, folder: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        told, tells = os.pipe()
        call = [sys.executable, "-c", BEGUN, str(tells), *COMMANDS[name](given, self.folder)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `wait`
        self._process = subprocess.Popen(
            call, stdout=subprocess.DEVNULL, stderr=self._errors, pass_fds=[tells], preexec_fn=_usual_signals
        )
        os.close(tells)
        os.read(told, 1)
        os.close(told)
        self.began = time.monotonic()

    def interrupt(self, after_s: float, number: signal.Signals) -> bool:
        """Send a signal so many seconds after the beginning; False if the command is done by then."""
        time.sleep(max(0.0, self.began + after_s - time.monotonic()))
        if self._process.poll() is not None:
            return False
        self._process.send_signal(number)
        return True

    def wait(self, within_s: float) -> tuple[int | None, list[str]]:
        """Return the status, None for none in time, and the lines of stderr."""
        try:
            status: int | None = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            status = None
        with self._errors as stream:
            stream.seek(0)
            return status, stream.read().splitlines()


def _usual_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def main() -> int:
    """Interrupt, count, and say what went wrong; the status is 1 if anything did."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--interruptions", type=int, default=30)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--within", type=float, default=60.0, help="seconds that an interrupted command may take")
    options.add_argument("--command", action="append", choices=COMMANDS)
    given = options.parse_args()
    draw = random.Random(given.seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="strainscope-interrupted-") as name:
        folder = Path(name)
        inputs = make_inputs(folder)
        names = given.command or list(COMMANDS)
        ordinary: dict[str, tuple[float, set[str]]] = {}
        for number in range(given.interruptions):
            command = names[number % len(names)]
            if command not in ordinary:
                ordinary[command] = _undisturbed(command, inputs, folder)
            duration_s, lines = ordinary[command]
            after_s = draw.uniform(0, duration_s)
            found = _interrupted(Program(command, inputs, folder), after_s, draw.choice(SIGNALS), given.within, lines)
            counts[found.partition(":")[0]] += 1
            if found not in ("in order", "too late"):
                print(f"{command} after {after_s:.3f} s: {found}", flush=True)  # noqa: T201
    print(json.dumps(dict(counts)))  # noqa: T201
    return 0 if set(counts) <= {"in order", "too late"} else 1


def _undisturbed(command: str, inputs: Inputs, folder: Path) -> tuple[float, set[str]]:
    program = Program(command, inputs, folder)
    status, lines = program.wait(600)
    assert status == 0, (command, status, lines)
    return time.monotonic() - program.began, set(lines)


def _interrupted(program: Program, after_s: float, number: signal.Signals, within_s: float, ordinary: set[str]) -> str:
    if not program.interrupt(after_s, number):
        program.wait(within_s)
        return "too late"
    status, lines = program.wait(within_s)
    if status is None:
        return f"no end in {within_s:g} s"
    parts = [path.name for path in program.folder.rglob("*.part")]
    if parts:
        return f"left behind: {parts}"
    if status == 0 and set(lines) <= ordinary:
        return "too late"
    said = [line for line in lines if line not in ordinary]
    if status == STATUS and len(said) == 1 and said[0].startswith("strainscope: "):
        return "in order"
    return f"status {status}: {said}"


if __name__ == "__main__":
    sys.exit(main())
