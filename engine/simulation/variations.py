"""How protocols vary from phantom to phantom: everything at random, one thing at a time, or by kind of motion."""

from dataclasses import replace
from typing import Any

import numpy as np

from engine.simulation.draw_motion import draw_contact, draw_hardening, draw_slip, draw_tremor, draw_vessel
from engine.simulation.protocol import SOUND_SPEED_M_S, DrawMotion, Protocol
from engine.simulation.renderer import Imaging
from engine.types import Geometry


def vary_freely(base: Protocol, number: int, random: np.random.Generator) -> Protocol:
    """Draw scanner, image size and largest strain."""
    center_hz = random.uniform(4e6, 10e6)
    sampling_hz = random.uniform(max(20e6, 4 * center_hz), 60e6)
    pitch_m = float(np.exp(random.uniform(np.log(0.1e-3), np.log(0.4e-3))))
    lines = int(np.clip(random.uniform(20e-3, 50e-3) / pitch_m, 64, 512))
    geometry = Geometry(sampling_hz, center_hz, SOUND_SPEED_M_S, pitch_m, random.choice([0.0, random.uniform(0, 5e-3)]))
    rows = int(random.uniform(25e-3, 40e-3) / geometry.axial_spacing_m)
    largest = float(np.exp(random.uniform(np.log(0.01), np.log(0.05))))
    steps = np.sort(random.uniform(0.05, 1.0, len(base.strains)))
    imaging = Imaging(
        bandwidth_fraction=random.uniform(0.4, 0.8),
        f_number=random.uniform(1.5, 3.0),
        attenuation_db_cm_mhz=random.uniform(0.0, 0.7),
        phase_deg=random.uniform(-180, 180),
    )
    recipe = replace(
        base.recipe,
        width_m=max(60e-3, lines * pitch_m + 12e-3),
        inclusions=(1, 3),
        span_m=lines * pitch_m,
        deepest_m=rows * geometry.axial_spacing_m,
    )
    strains = tuple(float(step * largest / steps[-1]) for step in steps)
    return replace(base, geometry=geometry, shape=(rows, lines), strains=strains, imaging=imaging, recipe=recipe)


VARIATIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("standard", {}),
    ("sampling 20 MHz", {"sampling_hz": 20e6}),
    ("sampling 60 MHz", {"sampling_hz": 60e6}),
    ("centre 4 MHz", {"center_hz": 4e6}),
    ("centre 10 MHz", {"center_hz": 10e6}),
    ("pitch 0.1 mm", {"pitch_m": 0.1e-3}),
    ("pitch 0.4 mm", {"pitch_m": 0.4e-3}),
    ("64 lines", {"lines": 64}),
    ("512 lines", {"lines": 512, "pitch_m": 0.1e-3}),
    ("4 lines sideways", {"bulk_lateral_lines": 4.0}),
    ("80 samples along the beam", {"bulk_axial_samples": 80.0}),
    ("gain changes by 20 %", {"gain_error": 0.2}),
)
"""What phantom 1, 2, ... of the protocol `robustness` changes of the standard."""


def vary_one_thing(base: Protocol, number: int, random: np.random.Generator) -> Protocol:
    """Apply one of VARIATIONS, keeping some 24 mm of depth."""
    change = VARIATIONS[number - 1][1]
    standard = base.geometry
    geometry = Geometry(
        change.get("sampling_hz", standard.sampling_hz),
        change.get("center_hz", standard.center_hz),
        standard.sound_speed_m_s,
        change.get("pitch_m", standard.pitch_m),
    )
    rows = round(base.shape[0] * standard.axial_spacing_m / geometry.axial_spacing_m)
    difficulty = replace(
        base.difficulty,
        gain_error=change.get("gain_error", 0.0),
        bulk_axial_samples=change.get("bulk_axial_samples", 0.0),
        bulk_lateral_lines=change.get("bulk_lateral_lines", 0.0),
    )
    return replace(
        base, geometry=geometry, shape=(rows, int(change.get("lines", base.shape[1]))), difficulty=difficulty
    )


_MOTIONS: dict[str, DrawMotion] = {
    "hardening": draw_hardening,
    "contact": draw_contact,
    "slip": draw_slip,
    "vessel": draw_vessel,
    "tremor": draw_tremor,
}
_TISSUES: dict[str, dict[str, Any]] = {
    "one": {"inclusions": (1, 1)},
    "layers": {"inclusions": (0, 0), "layers": (3, 3), "layer_contrast": 2.5},
    "three": {"inclusions": (3, 3), "radius_m": (1.5e-3, 2.2e-3)},
    "none": {"inclusions": (0, 0)},
}
NON_PROPORTIONAL = tuple(
    zip(
        2 * tuple(_MOTIONS),
        ("one", "layers", "three", "none", "one", "three", "one", "layers", "one", "three"),
        strict=True,
    )
)
"""Motion and tissue of phantoms 1 to 10 of the protocol `non-proportional`; further ones begin again."""


def vary_motion(base: Protocol, number: int, random: np.random.Generator) -> Protocol:
    """Give a phantom its motion and its tissue."""
    motion, tissue = NON_PROPORTIONAL[(number - 1) % len(NON_PROPORTIONAL)]
    return replace(base, recipe=replace(base.recipe, **_TISSUES[tissue]), extra_motion=_MOTIONS[motion])
