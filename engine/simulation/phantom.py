"""Tissue-mimicking phantoms: a layered background with soft or stiff inclusions, drawn at random or by hand.

Places are in image coordinates: lateral 0 is the middle, depth 0 the skin. Moduli are Young's moduli in pascal.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.types import Ellipse

Points = NDArray[np.float64]
_HARMONICS = (2, 3, 4)


@dataclass(frozen=True)
class Inclusion:
    """An ellipse, or a blob where `wobble` (amplitudes of the 2nd to 4th harmonic of the radius) is not zero."""

    outline: Ellipse
    youngs_modulus_pa: float
    wobble: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def contains(self, lateral_m: Points, depth_m: Points) -> NDArray[np.bool_]:
        """Whether each point lies inside; the arrays broadcast."""
        shape = self.outline
        x, z = lateral_m - shape.lateral_m, depth_m - shape.depth_m
        cosine, sine = math.cos(math.radians(shape.angle_deg)), math.sin(math.radians(shape.angle_deg))
        along = (x * cosine + z * sine) / shape.semi_lateral_m
        across = (z * cosine - x * sine) / shape.semi_axial_m
        limit = np.ones_like(along)
        if any(self.wobble):
            angle = np.arctan2(across, along)
            for harmonic, amplitude in zip(_HARMONICS, self.wobble, strict=True):
                limit = limit + amplitude * np.cos(harmonic * angle)
        inside: NDArray[np.bool_] = np.hypot(along, across) <= limit
        return inside


@dataclass(frozen=True)
class Phantom:
    """A box of tissue: `width_m` centred on lateral 0, `depth_m` from the skin down, layers, and inclusions.

    `layer_tops_m` are the depths at which each further layer starts; `layer_moduli_pa` has one entry more.
    """

    width_m: float
    depth_m: float
    layer_moduli_pa: tuple[float, ...]
    inclusions: tuple[Inclusion, ...] = ()
    layer_tops_m: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.layer_moduli_pa) != len(self.layer_tops_m) + 1:
            raise ParameterError("a phantom needs one modulus more than it has layer boundaries")
        moduli = (*self.layer_moduli_pa, *(entry.youngs_modulus_pa for entry in self.inclusions))
        if not all(math.isfinite(value) and value > 0 for value in moduli):
            raise ParameterError(f"Young's moduli must be positive, found {moduli}")

    def youngs_modulus_pa(self, lateral_m: Points, depth_m: Points) -> Points:
        """Young's modulus at each point; the arrays broadcast."""
        lateral_m, depth_m = np.broadcast_arrays(lateral_m, depth_m)
        layer = np.searchsorted(np.asarray(self.layer_tops_m), depth_m, side="right")
        modulus = np.asarray(self.layer_moduli_pa, dtype=np.float64)[layer]
        for inclusion in self.inclusions:
            modulus = np.where(inclusion.contains(lateral_m, depth_m), inclusion.youngs_modulus_pa, modulus)
        return np.asarray(modulus, dtype=np.float64)

    def labels(self, lateral_m: Points, depth_m: Points) -> NDArray[np.int32]:
        """Return 0 in the background and k in the k-th inclusion; the arrays broadcast."""
        lateral_m, depth_m = np.broadcast_arrays(lateral_m, depth_m)
        labels = np.zeros(lateral_m.shape, dtype=np.int32)
        for number, inclusion in enumerate(self.inclusions, start=1):
            labels[inclusion.contains(lateral_m, depth_m)] = number
        return labels


@dataclass(frozen=True)
class PhantomRecipe:
    """Ranges from which a phantom is drawn; pairs are (smallest, largest).

    The inclusions' modulus is a range or, with `choices_pa`, one of a few values. `contrast` draws it relative to the
    background instead, log-uniformly but never within a factor of `least_contrast` of it.
    """

    width_m: float = 60e-3
    depth_m: float = 50e-3
    background_pa: tuple[float, float] = (40e3, 60e3)
    inclusion_pa: tuple[float, float] = (18e3, 23e3)
    choices_pa: tuple[float, ...] = ()
    contrast: tuple[float, float] | None = None
    least_contrast: float = 1.0
    inclusions: tuple[int, int] = (1, 2)
    radius_m: tuple[float, float] = (3e-3, 7e-3)
    span_m: float = 36e-3
    """Width of the strip around the middle in which inclusions lie."""
    deepest_m: float = 38e-3
    """Depth above which inclusions stay."""
    aspect: tuple[float, float] = (1.0, 1.0)
    wobble: float = 0.0
    layers: tuple[int, int] = (1, 1)
    layer_contrast: float = 1.0


def draw_phantom(random: np.random.Generator, recipe: PhantomRecipe) -> Phantom:
    """Draw a phantom; inclusions keep 2 mm from each other and from the top and bottom."""
    background_pa = random.uniform(*recipe.background_pa)
    layers = int(random.integers(recipe.layers[0], recipe.layers[1] + 1))
    tops_m = tuple(sorted(random.uniform(0.1, 0.9, layers - 1) * recipe.depth_m))
    spread = math.log(recipe.layer_contrast)
    moduli_pa = (background_pa, *(background_pa * np.exp(random.uniform(-spread, spread, layers - 1))))
    wanted = int(random.integers(recipe.inclusions[0], recipe.inclusions[1] + 1))
    inclusions: list[Inclusion] = []
    for _ in range(50):
        if len(inclusions) == wanted:
            break
        outline = _draw_outline(random, recipe)
        if outline and all(_apart(outline, other.outline) for other in inclusions):
            wobble = tuple(random.uniform(-recipe.wobble, recipe.wobble, 3)) if recipe.wobble else (0.0, 0.0, 0.0)
            inclusions.append(Inclusion(outline, _draw_modulus(random, recipe, background_pa), wobble))
    return Phantom(
        recipe.width_m, recipe.depth_m, tuple(float(m) for m in moduli_pa), tuple(inclusions), tuple(map(float, tops_m))
    )


def _draw_modulus(random: np.random.Generator, recipe: PhantomRecipe, background_pa: float) -> float:
    if recipe.choices_pa:
        return float(random.choice(recipe.choices_pa))
    if recipe.contrast is not None:
        low, high = recipe.contrast
        drawn = 0.0
        for _ in range(100):
            drawn = random.uniform(math.log(low), math.log(high))
            if abs(drawn) >= math.log(recipe.least_contrast):
                break
        return background_pa * math.exp(drawn)
    return float(random.uniform(*recipe.inclusion_pa))


def _draw_outline(random: np.random.Generator, recipe: PhantomRecipe) -> Ellipse | None:
    radius_m, aspect = random.uniform(*recipe.radius_m), random.uniform(*recipe.aspect)
    semi_lateral_m, semi_axial_m = radius_m * math.sqrt(aspect), radius_m / math.sqrt(aspect)
    reach_m = max(semi_lateral_m, semi_axial_m) * (1 + 2 * recipe.wobble)
    highest_m, lowest_m = reach_m + 3e-3, min(recipe.depth_m - 10e-3, recipe.deepest_m) - reach_m
    side_m = recipe.span_m / 2 - reach_m
    if lowest_m <= highest_m or side_m <= 0:
        return None
    angle_deg = 0.0 if recipe.aspect == (1.0, 1.0) else random.uniform(-90, 90)
    return Ellipse(
        random.uniform(-side_m, side_m), random.uniform(highest_m, lowest_m), semi_lateral_m, semi_axial_m, angle_deg
    )


def _apart(one: Ellipse, other: Ellipse) -> bool:
    reach_m = max(one.semi_lateral_m, one.semi_axial_m) + max(other.semi_lateral_m, other.semi_axial_m)
    return math.hypot(one.lateral_m - other.lateral_m, one.depth_m - other.depth_m) > 1.2 * reach_m + 2e-3
