"""Idle threads sleep, in every process that imports `engine`: read from what OpenMP itself says when it is loaded."""

import os
import re
import subprocess
import sys

import pytest

from engine.waiting import wait_passively

_OWN = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY", "OPENBLAS_THREAD_TIMEOUT")
_IMPORT = "import engine, torch"
_COMMAND = "from app import cli; import torch"
_CHILD = "import engine, subprocess, sys; subprocess.run([sys.executable, '-c', 'import torch'], check=True)"


def _openmp(code: str, **variables: str) -> dict[str, str]:
    """What OpenMP displays of its settings in a fresh process that has these variables and none of the project's."""
    environment = {name: value for name, value in os.environ.items() if name not in _OWN}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | variables
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return dict(re.findall(r"(\w+) = '(.*)'", done.stderr))


@pytest.mark.skipif(sys.platform != "linux", reason="torch carries GNU's OpenMP on Linux only")
@pytest.mark.parametrize("code", [_IMPORT, _COMMAND, _CHILD], ids=["engine", "command line", "child process"])
def test_threads_of_torch_sleep_while_they_wait(code: str) -> None:
    found = _openmp(code)
    assert found["OMP_WAIT_POLICY"] == "PASSIVE"
    assert found["GOMP_SPINCOUNT"] == "0"


@pytest.mark.skipif(sys.platform != "linux", reason="torch carries GNU's OpenMP on Linux only")
def test_the_users_choice_stands() -> None:
    assert _openmp(_IMPORT, GOMP_SPINCOUNT="1234")["GOMP_SPINCOUNT"] == "1234"


def test_no_variable_of_the_users_is_touched() -> None:
    given = {"KMP_BLOCKTIME": "200", "OPENBLAS_THREAD_TIMEOUT": "20"}
    environment = dict(given)
    wait_passively(environment)
    assert environment == given


def test_a_free_environment_gets_every_librarys_variable() -> None:
    environment: dict[str, str] = {}
    wait_passively(environment)
    assert environment == {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "OPENBLAS_THREAD_TIMEOUT": "4"}
