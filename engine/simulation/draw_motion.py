"""Draws of motion besides compression, for the protocols `slip` and `vessel`."""

import numpy as np

from engine.simulation.extra_motion import Slip, Vessel, pulse
from engine.simulation.recording import Plan

SLIDE_LINES = (1.0, 3.0)
"""Least and largest slide that the last frame reaches, in lines."""
RADIUS_M = (1.5e-3, 3.5e-3)
WIDENING = (0.01, 0.04)
"""Largest widening relative to the radius: also the largest strain, at the wall."""
BEAT_FRAMES = (6.0, 12.0)


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
