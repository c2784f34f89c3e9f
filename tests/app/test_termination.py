"""A command that is ended while it writes leaves no half file and says one line; no library's callback is broken."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from app.termination import ended_like_ctrl_c, interruptions
from engine.files.hdf5_writing import Hdf5Target

POSIX = pytest.mark.skipif(os.name != "posix", reason="other systems end programs in other ways")


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Let signals be heard that whoever runs the tests has ignored, as a shell does of what runs in the background."""
    wanted = {signal.SIGINT: signal.default_int_handler}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = signal.SIG_DFL
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


SLOW = """
import sys, time
import engine.pipeline
run = engine.pipeline.run
def slow(*arguments, **options):
    for estimate in run(*arguments, **options):
        yield estimate
        print("written", flush=True)
        time.sleep(60)
engine.pipeline.run = slow
from app.cli import main
sys.exit(main(sys.argv[1:]))
"""


@POSIX
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_killed_command_leaves_no_half_file(rf_file: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "result.h5"
    call = [sys.executable, "-c", SLOW, "estimate", str(rf_file), "-o", str(output), "--method", "ncc"]
    call += ["--device", "cpu"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "written\n"
        (half,) = tmp_path.iterdir()
        assert half.name.endswith(".part")
        running.send_signal(getattr(signal, name))
        assert running.wait(30) == 130
        assert running.stderr is not None
        assert running.stderr.read() == "strainscope: interrupted\n"
    assert list(tmp_path.iterdir()) == []


DEAF = """
import sys, time
from app.termination import ended_like_ctrl_c
from engine.files.atomic import temporary_beside
from pathlib import Path
place = temporary_beside(Path(sys.argv[1]))
with ended_like_ctrl_c():
    told = False
    while True:  # as a library that catches everything and goes on
        try:
            told = told or not print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            pass
"""


STUCK = """
import sys
from app.cli import main
from engine.files.reading_process import PROCESS, _Exchange
PROCESS.start()
PROCESS._child.send_signal(19)  # as on a network share that does not answer
start = _Exchange.start
def start_and_tell(exchange):
    start(exchange)
    print(PROCESS._child.pid, flush=True)
_Exchange.start = start_and_tell
sys.exit(main(sys.argv[1:]))
"""


@POSIX
def test_a_reading_process_that_does_not_answer_is_not_waited_for_after_a_signal(rf_file: Path) -> None:
    call = [sys.executable, "-c", STUCK, "info", str(rf_file)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        reading = int(running.stdout.readline())
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stderr.read() == "strainscope: interrupted\n"
    assert not psutil.pid_exists(reading)


@POSIX
def test_the_second_signal_ends_the_program_at_once(tmp_path: Path) -> None:
    call = [sys.executable, "-c", DEAF, str(tmp_path / "out.h5")]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        until = time.monotonic() + 20
        while running.poll() is None and time.monotonic() < until:  # two that come together may count as one
            running.send_signal(signal.SIGINT)
            time.sleep(0.2)
        assert running.poll() == 130
        assert running.stderr is not None
        assert running.stderr.read() == "strainscope: ended at once\n"
    assert list(tmp_path.iterdir()) == []


SWALLOWED = """
import sys, time
import app.termination
app.termination.CLEANING_S = 0.3
with app.termination.ended_like_ctrl_c():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:  # as a callback of a library swallows it
        pass
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@POSIX
def test_a_signal_that_was_swallowed_is_given_again() -> None:
    with subprocess.Popen([sys.executable, "-c", SWALLOWED], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 130


FIRST_LINES = """
import os, signal, sys
import app.signals
answer = app.signals.answer_signals
def interrupted():
    answer()
    os.kill(os.getpid(), signal.SIGTERM)
    for number in range(1000): pass
app.signals.answer_signals = interrupted
import app.__main__
"""


IMPORTING = """
import os, signal, sys, time
from app.termination import ended_like_ctrl_c
class Finder:  # is asked in the middle of the import of plumbing
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
try:
    with ended_like_ctrl_c():
        import engine.files.hdf5_reading
except KeyboardInterrupt:
    sys.exit(0 if "engine.files.hdf5_reading" not in sys.modules else 1)
"""


@POSIX
def test_the_import_of_plumbing_is_interrupted_like_any_other() -> None:
    assert subprocess.run([sys.executable, "-c", IMPORTING], check=False).returncode == 0


@POSIX
def test_a_signal_before_anything_is_loaded_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_LINES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "strainscope: interrupted\n")


@POSIX
def test_a_signal_inside_a_callback_of_hdf5_waits_until_the_library_has_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.files import hdf5_writing

    write, told = hdf5_writing._Disk.write, []

    def interrupted(disk: object, content: bytes) -> int:
        told.append(1)
        if len(told) == 1:
            signal.raise_signal(signal.SIGINT)
        return write(disk, content)

    monkeypatch.setattr(hdf5_writing._Disk, "write", interrupted)
    with (  # noqa: PT012 - the call after the library's is what raises
        pytest.raises(KeyboardInterrupt),
        ended_like_ctrl_c(),
        Hdf5Target(tmp_path / "a.h5") as target,
    ):
        target.file["frames"] = range(100)
        target.file.flush()
        _between_calls()
    assert len(told) > 1


def _between_calls() -> None:
    """Be calls of the program's own, where a signal is acted on."""
    from engine.errors import one_line

    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        one_line("")


@POSIX
def test_work_that_asks_ends_in_its_own_time() -> None:
    with ended_like_ctrl_c(), interruptions() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGTERM)
        _between_calls()
        assert interrupted()


@POSIX
def test_signals_are_given_back_and_ignored_ones_left_alone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_like_ctrl_c():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the call after the signal is what raises
                signal.raise_signal(signal.SIGTERM)
                _between_calls()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
