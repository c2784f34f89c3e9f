"""Motion that one compression alone does not make: sliding, a pulse, tissue or contact that changes, a trembling hand.

Each is a displacement of the undeformed position, in closed form or a solved field's spline, added to the motion of the
frame. It is evaluated on
the grid from which both the scatterers' motion and the truth are taken, so the truth stays exact: at a pixel it is the
very motion of a scatterer there. A jump is as sharp as that grid, one sample.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.simulation.mechanics import Compression, UnitField, solve
from engine.simulation.phantom import Phantom

Places = NDArray[np.float64]

RISE = 0.3
"""Part of a heart beat in which the vessel widens."""
DECAY = 0.2
"""Part of a beat in which the widening falls to 1/e afterwards."""


class ExtraMotion(Protocol):
    """Motion of deformed frame `number` (0 is the first after the reference), and brightness."""

    def displacement_m(self, number: int, depths_m: Places, laterals_m: Places) -> Tensor:
        """Displacement in metres at every crossing, (2, rows, columns) float64, channel 0 lateral, 1 axial."""

    def echo_gain_at(self, laterals_m: Places, depths_m: Places) -> Places:
        """Factor of the echoes' amplitude at N points."""


@dataclass(frozen=True)
class Slip:
    """Tissue below an interface slides along it by `slides_m` of each frame; positive slides to larger laterals.

    The interface lies at `depth_m` + `slope` * lateral. Nothing opens or overlaps: the jump is tangential. What the
    two sides do apart from sliding is the compression of the bonded phantom.
    """

    depth_m: float
    slides_m: tuple[float, ...]
    slope: float = 0.0

    def below(self, laterals_m: Places, depths_m: Places) -> NDArray[np.bool_]:
        """Whether each point belongs to the part that slides; the arrays broadcast."""
        found: NDArray[np.bool_] = depths_m > self.depth_m + self.slope * laterals_m
        return found

    def displacement_m(self, number: int, depths_m: Places, laterals_m: Places) -> Tensor:
        """Slide below the interface, nothing above."""
        slides = torch.as_tensor(self.below(laterals_m[None, :], depths_m[:, None])).to(torch.float64)
        step_m = self.slides_m[number] / math.hypot(1.0, self.slope)
        return torch.stack([slides * step_m, slides * step_m * self.slope])

    def echo_gain_at(self, laterals_m: Places, depths_m: Places) -> Places:
        """Leave the echoes as they are."""
        return np.ones_like(laterals_m)


@dataclass(frozen=True)
class Vessel:
    """A vessel across the image plane whose radius grows by `widenings_m` in each frame, and dark blood in it.

    Tissue around it is incompressible and in plane strain, so the radial displacement falls as 1/r:
    u = w radius / r outside the lumen, u = w r / radius inside.
    """

    lateral_m: float
    depth_m: float
    radius_m: float
    widenings_m: tuple[float, ...]
    echo_gain: float = 0.1

    def displacement_m(self, number: int, depths_m: Places, laterals_m: Places) -> Tensor:
        """Radial displacement about the vessel's centre."""
        lateral = torch.as_tensor(laterals_m - self.lateral_m)[None, :]
        axial = torch.as_tensor(depths_m - self.depth_m)[:, None]
        squared = (lateral**2 + axial**2).clamp(min=self.radius_m**2)
        per_metre = self.widenings_m[number] * self.radius_m / squared
        return torch.stack([per_metre * lateral, per_metre * axial])

    def echo_gain_at(self, laterals_m: Places, depths_m: Places) -> Places:
        """Darken the lumen."""
        inside = np.hypot(laterals_m - self.lateral_m, depths_m - self.depth_m) < self.radius_m
        return np.where(inside, self.echo_gain, 1.0)


@dataclass(frozen=True)
class Change:
    """Tissue or contact that becomes another while it is compressed: the stiffness `after`, under `contact_after`.

    Frame t has `strains[t]` of the unit motion of the tissue in between, `parts[t]` of the way from before to after.
    """

    before: Phantom
    contact: Compression
    after: Phantom
    contact_after: Compression
    strains: tuple[float, ...]
    parts: tuple[float, ...]

    @cached_property
    def _fields(self) -> tuple[UnitField, UnitField]:
        if self.before == self.after:
            first, second = solve(self.before, (self.contact, self.contact_after))
            return first, second
        return solve(self.before, (self.contact,))[0], solve(self.after, (self.contact_after,))[0]

    def displacement_m(self, number: int, depths_m: Places, laterals_m: Places) -> Tensor:
        """Take the motion without any change from the one with it."""
        before, after = (entry.on_grid(depths_m, laterals_m) for entry in self._fields)
        return self.strains[number] * self.parts[number] * (after - before)

    def echo_gain_at(self, laterals_m: Places, depths_m: Places) -> Places:
        """Leave the echoes as they are."""
        return np.ones_like(laterals_m)


@dataclass(frozen=True)
class Tremor:
    """A hand that trembles: in each frame a lateral and an axial shift, and a turn in radians about a depth."""

    depth_m: float
    lateral_m: tuple[float, ...]
    axial_m: tuple[float, ...]
    turns: tuple[float, ...]

    def displacement_m(self, number: int, depths_m: Places, laterals_m: Places) -> Tensor:
        """Rigid motion of the image."""
        cosine, sine = math.cos(self.turns[number]), math.sin(self.turns[number])
        lateral = torch.as_tensor(laterals_m)[None, :]
        axial = torch.as_tensor(depths_m - self.depth_m)[:, None]
        return torch.stack(
            [
                self.lateral_m[number] + (cosine - 1) * lateral - sine * axial,
                self.axial_m[number] + sine * lateral + (cosine - 1) * axial,
            ]
        )

    def echo_gain_at(self, laterals_m: Places, depths_m: Places) -> Places:
        """Leave the echoes as they are."""
        return np.ones_like(laterals_m)


def pulse(phase: float) -> float:
    """Widening over a heart beat as a fraction of its largest: a fast rise, a slower fall; the period is 1.

    >>> pulse(0.0), pulse(0.3)
    (0.0, 1.0)
    """
    phase %= 1.0
    if phase < RISE:
        return math.sin(math.pi / 2 * phase / RISE) ** 2
    falling, end = (math.exp(-(place - RISE) / DECAY) for place in (phase, 1.0))
    return (falling - end) / (1 - end)
