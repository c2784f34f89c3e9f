"""What a map is: one registered value that owns all that is said of it, and the function that computes it.

The window's list and menu, `--map` of every command, figures, movies, sheets, region numbers and the table in the guide
are made from `MAPS`, so a map is one file of this folder. Its function takes a `MapInput`, all that may be known of one
estimated frame, and returns the map as it is stored: SI, elongation positive.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from engine.errors import ParameterError
from engine.maps.rigid import without_rigid
from engine.quantity import AXIAL_STRAIN, Quantity
from engine.registry import Registry
from engine.reliability.sigma import ComponentName, component_sigma, noise_share
from engine.strain.tensor import StrainTensor, strain_tensor
from engine.types import Displacement, FrameEstimate, Map

TURN_SHARE = 0.005
"""Error of lateral and shear strain over the rotation of a frame, 2 degrees of simulated tissue: its echoes do not turn
along, which no other part of the uncertainty knows of."""

Need = Literal["sigma", "true", "modulus"]
LACKS: dict[Need, str] = {
    "sigma": "this result states no uncertainty: estimate it anew",
    "true": "only simulated recordings hold the true motion, from their first frame",
    "modulus": "the relative modulus of this frame was not computed",
}


@dataclass(frozen=True, eq=False)
class MapInput:
    """All that may be known of one estimated frame; what is None is not known.

    `method` is the estimator, by whose errors uncertainties are stated; `true` the true motion through the same strain
    filter; `modulus` the relative Young's modulus (H, W). `remove_rigid` leaves the rigid motion out of displacement.
    """

    estimate: FrameEstimate
    method: str
    true: FrameEstimate | None = None
    modulus: Map | None = None
    remove_rigid: bool = False

    @property
    def displacement(self) -> Displacement:
        """Return the displacement as it is shown: as it is, or without the rigid motion of the frame."""
        whole = self.estimate.displacement
        return without_rigid(whole)[0] if self.remove_rigid else whole

    @cached_property
    def tensor(self) -> StrainTensor:
        """Return all components of the strain."""
        return strain_tensor(self.estimate.displacement, self.estimate.strain, self.estimate.quality)

    def sigma(self, name: ComponentName) -> Map:
        """Return the standard deviation of lateral or shear strain, at least a share of how far the frame turned."""
        share = noise_share(self.estimate.displacement)
        noise = component_sigma(name, self.method, self.estimate.strain, self.estimate.quality, share)
        known = self.tensor.rotation_rad[np.isfinite(self.tensor.rotation_rad)]
        turned = TURN_SHARE * abs(float(np.median(known))) if known.size else 0.0
        return np.hypot(noise, np.float32(turned))

    def lacks(self, need: Need) -> bool:
        """Say whether something is not known."""
        return (self.estimate.sigma if need == "sigma" else getattr(self, need)) is None


@dataclass(frozen=True)
class StrainMap:
    """A map and everything that is said of it.

    `quantity` has its unit, sign, limits and the words at the ends of the colour bar; `formula` says how it is made,
    `help` in a sentence what it shows. `needs` lists what not every frame has. `colormap` takes the place of the
    strain's. What lies `across` is taken over the lateral window.
    """

    name: str
    title: str
    help: str
    formula: str
    quantity: Quantity
    function: Callable[[MapInput], Map]
    needs: tuple[Need, ...] = ()
    colormap: str = ""
    across: bool = False
    moves: bool = False
    """Whether it shows displacement, of which rigid motion can be removed."""

    def lacking(self, source: MapInput) -> str:
        """Say why the map of a frame cannot be made, or nothing."""
        return next((LACKS[need] for need in self.needs if source.lacks(need)), "")

    def of(self, source: MapInput) -> Map:
        """Return the map of a frame (H, W); one that lacks what it needs is a ParameterError."""
        reason = self.lacking(source)
        if reason:
            raise ParameterError(f"no map {self.name}: {reason}")
        return self.function(source)


MAPS: Registry[StrainMap] = Registry(
    "map",
    "engine.maps",
    ("strain", "displacement", "principal", "rotation", "poisson", "reliability", "truth", "modulus"),
)


def other_map(name: str) -> StrainMap | None:
    """Return a map that is measured beside axial strain, by its name; None for axial strain itself."""
    return None if name == AXIAL_STRAIN else MAPS.get(name)


def register(entry: StrainMap) -> StrainMap:
    """File a map under its name."""
    return MAPS.register(entry.name, entry)


def markdown_table() -> str:
    """Write the maps as a table for the guide."""
    rows = [f"| `{entry.name}` | {entry.quantity.label} | {entry.help} | {entry.formula} |" for entry in MAPS]
    return "\n".join(["| Map | Shown | What it is | Formula |", "| --- | --- | --- | --- |", *rows])
