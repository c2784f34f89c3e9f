"""No protocol may change under its seed: weights and scores rest on what was simulated.

What is stored are digests of the plans, which decide every byte of a recording together with the renderer, and the
RF of a small piece of each to three digits, since the last bits depend on the machine.
"""

import hashlib
from dataclasses import MISSING, fields, is_dataclass, replace

import numpy as np
import pytest

from engine.simulation.protocols import PROTOCOLS
from engine.simulation.recording import simulate

DIGESTS = {
    "tehrani-rivaz": "1c6e696dbc9e9662",
    "tehrani-rivaz-stiff": "5936b6114be8a6b8",
    "gluenet": "d151c782de723d57",
    "end-to-end-cnn": "844b5a1d4605cc84",
    "free": "f883769f0a75f6a5",
    "peer-clean": "c5c798476c5f2bb2",
    "peer-noisy": "d0a1b82c65788dd4",
    "clean": "c5c798476c5f2bb2",
    "noisy": "5ff8497e5792947d",
    "small-noisy": "fb25c8e25a456bdd",
    "non-proportional": "0201ef6eaa703425",
    "robustness": "cb734fcdccce220f",
    "slip": "b6c965f1511b301f",
    "vessel": "7f849ca7862e5899",
}
RF = {
    "tehrani-rivaz": (0.30626, 0.29834, -67.152),
    "tehrani-rivaz-stiff": (0.30452, 0.30133, -81.402),
    "gluenet": (0.37356, 0.37299, -87.213),
    "end-to-end-cnn": (0.35647, 0.35255, -42.254),
    "free": (0.76249, 0.69284, -202.41),
    "peer-clean": (0.29448, 0.29314, -58.385),
    "peer-noisy": (0.39267, 0.37332, -58.385),
    "clean": (0.29448, 0.29314, -58.385),
    "noisy": (0.33702, 0.3569, -29.348),
    "small-noisy": (0.3373, 0.36275, -69.406),
    "non-proportional": (0.31737, 0.33856, -74.015),
    "robustness": (0.60193, 0.59469, -95.298),
    "slip": (0.29521, 0.29063, -45.911),
    "vessel": (0.30959, 0.3192, -6.808),
}


def plain(value: object) -> str:
    """Write a value out with nine digits; fields at their default are left out, so that new ones do no harm."""
    if is_dataclass(value):
        shown = [(entry, getattr(value, entry.name)) for entry in fields(value)]
        told = [f"{entry.name}={plain(found)}" for entry, found in shown if not _is_default(entry, found)]
        return f"{type(value).__name__}({','.join(told)})"
    if isinstance(value, tuple):
        return f"({','.join(map(plain, value))})"
    return f"{float(value):.9g}" if isinstance(value, float | int) else repr(value)


def _is_default(entry: object, value: object) -> bool:
    if entry.default_factory is not MISSING:
        return value == entry.default_factory()
    return entry.default is not MISSING and value == entry.default


def digest(name: str) -> str:
    made = PROTOCOLS[name]
    text = "".join(plain(made.plan(number, 1_000_000)) for number in made.numbers[:12])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def piece(name: str) -> tuple[float, float, float]:
    """Rms of both frames of a small piece, in units of a scatterer's echo, and its mean axial motion in micrometres."""
    plan = PROTOCOLS[name].plan(2, 1_000_000)
    found = simulate(replace(plan, shape=(160, 16), loads=plan.loads[-1:]), 5)
    still, moved = (float(found.rf[frame].square().mean().sqrt()) for frame in (0, 1))
    return still, moved, 1e6 * float(found.displacement_m[0, 1].mean())


def test_every_protocol_is_stored() -> None:
    assert DIGESTS.keys() == RF.keys() == PROTOCOLS.keys()


@pytest.mark.parametrize("name", DIGESTS)
def test_plans_are_what_they_were(name: str) -> None:
    assert digest(name) == DIGESTS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", RF)
def test_recordings_are_what_they_were(name: str) -> None:
    np.testing.assert_allclose(piece(name), RF[name], rtol=2e-3)
