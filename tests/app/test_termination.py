"""A command that is killed while it writes leaves no half file, and says nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.termination import ended_like_ctrl_c

SLOW = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have these ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
import engine.pipeline
run = engine.pipeline.run
def slow(*arguments, **options):
    for estimate in run(*arguments, **options):
        yield estimate
        time.sleep(60)
engine.pipeline.run = slow
from app.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="other systems end programs in other ways")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_killed_command_leaves_no_half_file(rf_file: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "result.h5"
    call = [sys.executable, "-c", SLOW, "estimate", str(rf_file), "-o", str(output), "--method", "ncc"]
    with subprocess.Popen([*call, "--device", "cpu"], stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 60
        while not (parts := list(tmp_path.glob(".*.part"))) or parts[0].stat().st_size < 100_000:
            assert time.monotonic() < until
            time.sleep(0.05)
        running.send_signal(getattr(signal, name))
        assert running.wait(30) == 130
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="other systems end programs in other ways")
def test_signals_are_given_back_and_ignored_ones_left_alone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_like_ctrl_c():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)
