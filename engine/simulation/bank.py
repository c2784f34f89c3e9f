"""Finite-element displacement fields solved once and kept in memory, from which training crops are cut.

A field costs a third of a second; a bank of forty takes some ten seconds once per process and feeds any number of
sequences, since every crop draws its own place, mirroring, scale, strain and load.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np

from engine.simulation.mechanics import Compression, UnitField, solve
from engine.simulation.phantom import PhantomRecipe, draw_phantom

BankName = Literal["free", "tehrani-rivaz"]

TEHRANI_RIVAZ = PhantomRecipe()
"""One or two soft inclusions of 18-23 kPa in 40-60 kPa, as in the data of Tehrani and Rivaz (2020)."""

FREE = PhantomRecipe(
    background_pa=(10e3, 60e3),
    contrast=(0.2, 6.0),
    inclusions=(0, 3),
    radius_m=(1.5e-3, 9e-3),
    span_m=50e-3,
    aspect=(0.5, 2.0),
    wobble=0.12,
    layers=(1, 3),
    layer_contrast=2.0,
)
"""Soft and stiff circles, ellipses and blobs in up to three layers."""


@dataclass(frozen=True)
class BankEntry:
    """One phantom under an even load and under one that is tilted by one (see `Compression.tilt`)."""

    even: UnitField
    tilted: UnitField


@lru_cache(maxsize=4)
def field_bank(protocol: BankName, size: int, seed: int, element_m: float = 1.25e-3) -> tuple[BankEntry, ...]:
    """Solve the bank of a protocol; the same arguments give the same fields, and are solved once per process."""
    random = np.random.default_rng([seed, 77])
    entries = []
    for _ in range(size):
        phantom = draw_phantom(random, TEHRANI_RIVAZ if protocol == "tehrani-rivaz" else FREE)
        load = Compression()
        if protocol == "free":
            load = Compression(
                bonded=bool(random.random() < 0.3),
                sides="confined" if random.random() < 0.15 else "free",
                poisson_ratio=float(random.uniform(0.47, 0.495)),
            )
        entries.append(BankEntry(*solve(phantom, (load, replace(load, tilt=1.0)), element_m)))
    return tuple(entries)
