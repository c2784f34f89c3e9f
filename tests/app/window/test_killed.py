"""Windows that are killed in the middle of use lose no region; `kill_sequences.py` tells what a sequence is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kill_sequences.py")


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
@pytest.mark.parametrize("sequences", [4, pytest.param(200, marks=pytest.mark.slow)])
def test_random_use_with_a_kill_in_the_middle_loses_no_region(sequences: int) -> None:
    # A machine that is busy with other tests may take longer than the one second of a machine at rest.
    command = [sys.executable, str(SCRIPT), "--sequences", str(sequences), "--within", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 15 * sequences, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["changes"] > sequences
    assert (found["lost"], found["torn"]) == (0, 0)
