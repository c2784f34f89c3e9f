"""How the numerical libraries' threads wait for one another: asleep, so that other programs can run meanwhile.

Left to themselves the threads of OpenMP (torch) and OpenBLAS (numpy, scipy) spin while they wait. On processors that
other programs use too, a spinning thread holds the place of the very thread that it waits for: tracking a pair takes
many times as long (tests/benchmarks/README.md). A library reads these variables once, when it is loaded, and child
processes inherit them; so `engine` sets them before it imports anything.
"""

import os
from collections.abc import MutableMapping

_OPENMP = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""GNU's library obeys the first, LLVM's and Intel's the second."""

_OPENMP_CHOICES = {*_OPENMP, "GOMP_SPINCOUNT", "KMP_LIBRARY"}
"""Any of these says that the user has chosen how OpenMP's threads wait."""

_OPENBLAS = {"OPENBLAS_THREAD_TIMEOUT": "4"}
"""Two to this power is the number of clock cycles that a thread waits before it sleeps; the least allowed."""


def wait_passively(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let idle threads of libraries that are loaded from now on sleep, unless the user has chosen otherwise."""
    if _OPENMP_CHOICES.isdisjoint(environment):
        environment.update(_OPENMP)
    for name, value in _OPENBLAS.items():
        environment.setdefault(name, value)
