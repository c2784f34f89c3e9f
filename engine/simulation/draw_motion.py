"""Draws of motion besides compression, for the protocols `slip`, `vessel` and `non-proportional`."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.simulation.extra_motion import Change, Slip, Tremor, Vessel, pulse
from engine.simulation.phantom import Phantom
from engine.simulation.recording import Plan

SLIDE_LINES = (1.0, 3.0)
"""Least and largest slide that the last frame reaches, in lines."""
RADIUS_M = (1.5e-3, 3.5e-3)
WIDENING = (0.01, 0.04)
"""Largest widening relative to the radius: also the largest strain, at the wall."""
BEAT_FRAMES = (6.0, 12.0)
HARDENING = (1.5, 2.5)
"""Factor by which inclusions and further layers are stiffer, or softer, at the largest strain."""
CONTACT_TILT = 0.5
TREMOR_SAMPLES, TREMOR_LINES, TREMOR_RADIANS = 4.0, 0.7, 0.004


def draw_slip(random: np.random.Generator, plan: Plan) -> tuple[Slip]:
    """Draw a level interface in the middle half of the image, whose lower side slides a little more in each frame."""
    depths_m = plan.geometry.depths_m(plan.shape[0])
    depth_m = depths_m[0] + random.uniform(0.25, 0.75) * (depths_m[-1] - depths_m[0])
    lines = random.uniform(*SLIDE_LINES) * random.choice([-1.0, 1.0])
    parts = (np.arange(len(plan.loads)) + random.uniform(0.6, 1.0, len(plan.loads))) / len(plan.loads)
    return (Slip(float(depth_m), tuple(float(part * lines * plan.geometry.pitch_m) for part in parts)),)


def draw_vessel(random: np.random.Generator, plan: Plan) -> tuple[Vessel]:
    """Draw a vessel around the middle of the image that beats from its narrowest at frame 0 on."""
    depths_m, laterals_m = plan.geometry.depths_m(plan.shape[0]), plan.geometry.laterals_m(plan.shape[1])
    radius_m = random.uniform(*RADIUS_M)
    widening_m = random.uniform(*WIDENING) * radius_m
    beat = random.uniform(*BEAT_FRAMES)
    return (
        Vessel(
            float(laterals_m[-1] * random.uniform(-0.4, 0.4)),
            float(depths_m[0] + random.uniform(0.35, 0.65) * (depths_m[-1] - depths_m[0])),
            radius_m,
            tuple(widening_m * pulse(number / beat) for number in range(1, len(plan.loads) + 1)),
        ),
    )


def draw_hardening(random: np.random.Generator, plan: Plan) -> tuple[Change]:
    """Draw tissue whose stiffness relative to its surroundings changes in proportion to the strain."""
    factors = np.exp(random.choice([-1.0, 1.0]) * np.log(random.uniform(*HARDENING, 8)))
    before = plan.phantom
    inclusions = tuple(
        replace(entry, youngs_modulus_pa=float(entry.youngs_modulus_pa * factor))
        for entry, factor in zip(before.inclusions, factors, strict=False)
    )
    first, *further = before.layer_moduli_pa
    layers = (first, *(float(layer * factor) for layer, factor in zip(further, factors[::-1], strict=False)))
    strains = [load.strain for load in plan.loads]
    return (_change(plan, replace(before, inclusions=inclusions, layer_moduli_pa=layers), 0.0, strains),)


def draw_contact(random: np.random.Generator, plan: Plan) -> tuple[Change]:
    """Draw a contact that comes to stick and to press on one side, not in proportion to the strain."""
    parts = np.sort(random.uniform(0.0, 1.0, len(plan.loads))).tolist()
    return (_change(plan, plan.phantom, float(CONTACT_TILT * random.uniform(-1, 1)), parts),)


def draw_tremor(random: np.random.Generator, plan: Plan) -> tuple[Tremor]:
    """Draw shifts and turns of the hand, independent from frame to frame."""
    frames, geometry = len(plan.loads), plan.geometry
    lateral, axial, turns = random.uniform(-1, 1, (3, frames))
    return (
        Tremor(
            float(geometry.depths_m(plan.shape[0])[0]),
            tuple((TREMOR_LINES * geometry.pitch_m * lateral).tolist()),
            tuple((TREMOR_SAMPLES * geometry.axial_spacing_m * axial).tolist()),
            tuple((TREMOR_RADIANS * turns).tolist()),
        ),
    )


def _change(plan: Plan, after: Phantom, tilt: float, parts: Sequence[float]) -> Change:
    """Change to a phantom, or where that is the same to a contact of another tilt that sticks."""
    contact = plan.compression
    if after == plan.phantom:
        contact = replace(contact, tilt=contact.tilt + tilt, bonded=True)
    strains = tuple(load.strain for load in plan.loads)
    largest = max(parts)
    return Change(
        plan.phantom, plan.compression, after, contact, strains, tuple(float(part / largest) for part in parts)
    )
