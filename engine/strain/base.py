"""What every strain method is: a displacement in, its axial strain out."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from engine.parameters import Parameters
from engine.registry import Registry
from engine.types import Displacement, Map, Strain

if TYPE_CHECKING:
    import torch

P = TypeVar("P", bound=Parameters)


class StrainMethod(ABC, Generic[P]):
    """Axial strain of one displacement field; pixels without enough valid displacement become NaN."""

    name: ClassVar[str]
    title: ClassVar[str]
    Params: ClassVar[type[Parameters]]

    @abstractmethod
    def strain(self, displacement: Displacement, quality: Map | None, params: P, device: "torch.device") -> Strain:
        """Return the axial strain (H, W); `quality` (H, W) in 0..1 weights the fit where the method uses weights."""

    def unavailable(self) -> str | None:
        """Give the reason why the method cannot run here, such as missing weights; None where it can."""
        return None


def read_in(params: type[P], window_m: float) -> P:
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
