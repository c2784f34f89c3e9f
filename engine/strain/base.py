"""What every strain method is: a displacement in, its axial strain out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from engine.parameters import Parameters, parameter
from engine.registry import Registry
from engine.strain.tensor import green_lagrange
from engine.types import LATERAL_WINDOW_M, Displacement, Geometry, Map, Strain

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class StrainParameters(Parameters):
    """What every strain method lets choose: how the other components are taken, and which strain it is."""

    lateral_window_m: float = parameter(
        LATERAL_WINDOW_M,
        unit="m",
        minimum=0.5e-3,
        maximum=20e-3,
        help="Length across the lines over which a straight line is fitted, for lateral and shear strain",
        last=True,
    )
    measure: Literal["infinitesimal", "green-lagrange"] = parameter(
        "infinitesimal",
        help="Infinitesimal strain, or Green-Lagrange strain, which turning alone leaves zero",
        last=True,
    )


P = TypeVar("P", bound=StrainParameters)
Given = TypeVar("Given", bound=Parameters)


class StrainMethod(ABC, Generic[P]):
    """Axial strain of one displacement field; pixels without enough valid displacement become NaN."""

    name: ClassVar[str]
    title: ClassVar[str]
    Params: ClassVar[type[StrainParameters]]

    def strain(self, displacement: Displacement, quality: Map | None, params: P, device: "torch.device") -> Strain:
        """Return the axial strain (H, W); `quality` (H, W) in 0..1 weights the fit where the method uses weights."""
        found = self.infinitesimal(displacement, quality, params, device)
        found = replace(found, lateral_window_m=params.lateral_window_m)
        return found if params.measure == "infinitesimal" else green_lagrange(displacement, found, quality)

    @abstractmethod
    def infinitesimal(
        self, displacement: Displacement, quality: Map | None, params: P, device: "torch.device"
    ) -> Strain:
        """Return the axial displacement's derivative by depth (H, W)."""

    def strains(
        self, motion: "Tensor", quality: "Tensor | None", geometry: Geometry, params: P
    ) -> "tuple[Tensor, float]":
        """Strain (B, H, W) of motion (B, 2, H, W) in lines and samples with NaN, on its device, and its window."""
        import torch

        found = []
        for place, (lateral, axial) in enumerate(motion.numpy(force=True)):
            known = None if quality is None else quality[place].numpy(force=True)
            displacement = Displacement.from_samples(axial, lateral, geometry)
            found.append(self.strain(displacement, known, params, motion.device))
        return torch.stack([torch.from_numpy(entry.axial) for entry in found]).to(motion.device), found[0].window_m

    def unavailable(self) -> str | None:
        """Give the reason why the method cannot run here, such as missing weights; None where it can."""
        return None


def read_in(params: type[Given], window_m: float) -> Given:
    """Return a strain method's default parameters, with a window of this length where it has one."""
    has_one = any(info.name == "window_m" for info in params.describe())
    return params(**({"window_m": window_m} if has_one else {}))


STRAIN_METHODS: Registry[StrainMethod[Any]] = Registry(
    "strain method",
    "engine.strain",
    ("least_squares", "kalman", "patch_cnn"),
    base=StrainMethod,
    plugins="strainscope.strain",
)
