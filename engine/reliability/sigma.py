"""Standard deviation of each pixel of an estimate, from the noise of its data and from how its strain changes.

    sigma^2 = the sum of two squares, each of a power law  c n^a g^b m^d s^-e

- n is the Cramer-Rao bound for the local correlation as it was measured (noise and decorrelation together), its
  geometric mean over a pixel's surroundings: a correlation is itself measured from few echoes, and smoothing follows
  the noise of more than one place. For displacement it is that of a window of 2 mm
  (`engine.numerics.accuracy_limit`), for strain pushed through the straight line that is fitted over a window L:
  sqrt(12 q / L^3), q the bound's variance times its window. A method that borrows from its neighbours, as windows,
  networks and the normal equations of GLUE do, has less of it: its prior's information adds to the data's. After GLUE
  and its kin L is no less than 2 mm: a shorter window finds no more noise in a motion that is smooth already.
- g is how far the strain lies from its own blurred map, root mean square over a pixel's neighbourhood: what one more
  blur would change is about what the method's own blur has changed already. A steady gradient, which blur leaves as
  it is, does not count.
- m is the mean strain of the frame, 0.3 % at least.
- s is the share of the rows around a pixel that have a strain: where data end, nothing holds an estimate on that side.

One of the two is mostly noise, the other mostly what strain does where it changes. No a, b or e is below zero: more
noise, more change or less support is nowhere less uncertainty.

Frames that a method has estimated together share the noise of all of them: what a frame holds of the noise n that it
would have alone is its `NOISE_SHARE`, which the method reports. A frame of such a method without one has been
estimated alone, as by GLUE, and has GLUE's scales.

The factors and powers are fitted, for each method and map, to the errors on simulated training recordings, so that
errors divided by sigma have a deviation of one (`scripts/calibrate_reliability.py`);
`engine.evaluation.calibration` tests them on recordings that took no part.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from engine.estimators.base import ESTIMATORS, STRAIN_WINDOW_M, RecordingEstimator
from engine.numerics.accuracy_limit import displacement_deviation_m
from engine.quality import WINDOW_M
from engine.reliability.validity import window_size
from engine.types import NOISE_SHARE, Displacement, Geometry, Map, Sigma, Strain

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ComponentName = Literal["lateral_strain", "shear_strain"]
MapName = Literal["axial_strain", "axial_displacement_m", "lateral_displacement_m", "lateral_strain", "shear_strain"]
MAPS: tuple[MapName, ...] = get_args(MapName)
PowerLaw = tuple[float, float, float, float, float]

BEAM_WAVELENGTHS = 2.0
"""Lateral resolution, within which the errors of lines go together."""

NOISE_M = (8.0e-3, 8.0e-3)
"""Axial and lateral size of the surroundings over which noise is averaged."""

BLUR_M = (3.0e-3, 1.5e-3)
"""Size of the window over which the strain is blurred to see where it changes."""

CHANGE_M = (3.0e-3, 3.0e-3)
"""Size of the neighbourhood over which the changes are averaged."""

SMALLEST_MEAN = 3e-3
"""Mean strain as which a stiller frame counts: nothing below it was calibrated."""

SUPPORT_M = 6.0e-3
"""Axial size of the neighbourhood of which is asked how much of it has a strain."""

CORRELATION_LIMITS = (0.1, 0.9995)
"""Correlations beyond are interpolation's or chance."""

SMALLEST = 1e-12
"""Noise or change whose logarithm is taken instead of that of none."""


@dataclass(frozen=True)
class Parts:
    """What a map's uncertainty is made of: n, g and s, of any shape and without a dimension, and the mean strain m.

    `unit` is the wavelength, by which displacements are divided; 1 for strain.
    """

    noise: "Tensor"
    change: "Tensor"
    mean: "Tensor"
    support: "Tensor"
    unit: float

    @property
    def logarithms(self) -> "Tensor":
        """Logarithms of the four, (4, ...)."""
        import torch

        parts = (self.noise, self.change, self.mean.expand_as(self.noise), self.support.expand_as(self.noise))
        return torch.stack(parts).clamp_min(SMALLEST).log()

    def at(self, pixels: "Tensor") -> "Parts":
        """Take those of some pixels, a mask of their shape."""
        return replace(self, noise=self.noise[pixels], change=self.change[pixels], support=self.support[pixels])


@dataclass(frozen=True)
class Scales:
    """The two power laws of one map of one method: each log c, then the powers of n, g, m and s."""

    noise: PowerLaw
    change: PowerLaw

    def sigma(self, parts: Parts) -> "Tensor":
        """Return the standard deviation of each pixel, of the shape of the parts, in the unit of the map."""
        import torch

        logs = parts.logarithms
        twice = _twice(self, logs.dtype, logs.device)
        squares = torch.tensordot(twice[:, 1:], logs, 1).add_(twice[:, 0].reshape(2, *[1] * (logs.ndim - 1))).exp_()
        total: Tensor = squares.sum(dim=0)
        return total.sqrt_().mul_(parts.unit)


@lru_cache(maxsize=64)
def _twice(scales: Scales, dtype: "torch.dtype", device: "torch.device") -> "Tensor":
    """Both power laws twice, which are those of the variances, (2, 5)."""
    import torch

    return 2 * torch.tensor([scales.noise, scales.change], dtype=dtype, device=device)


def sigma_maps(method: str, displacement: Displacement, strain: Strain, quality: Map) -> Sigma:
    """Return the standard deviations of an estimate, (H, W) each; NaN where its map is."""
    import torch

    motion, axial, rho = (
        torch.from_numpy(entry)[None]
        for entry in (np.stack([displacement.lateral_m, displacement.axial_m]), strain.axial, quality)
    )
    share = torch.tensor([noise_share(displacement)])
    found = sigmas(method, motion, axial, rho, strain.geometry, strain.window_m, share)
    return Sigma(**{name: values[0].numpy() for name, values in found.items()})


def sigmas(
    method: str,
    motion: "Tensor",
    strain: "Tensor",
    quality: "Tensor",
    geometry: Geometry,
    window_m: float,
    share: "Tensor | None" = None,
) -> "Mapping[str, Tensor]":
    """Return the standard deviations of several estimates, (B, H, W) each by its map's name, on their device.

    `motion` (B, 2, H, W), lateral and axial, only says where there is one; `strain` and `quality` are (B, H, W), and
    `share` (B) is what each holds of its own noise, NaN where it was estimated alone.
    """
    import torch

    from engine.numerics.host import in_bands

    share = motion.new_full(motion.shape[:1], torch.nan) if share is None else share.to(motion)
    parts = _parts(strain, quality, share, geometry, max(window_m, least_window_m(method)))
    together, alone = scales_of(method), scales_of(method, alone=True)
    maps: dict[MapName, Tensor] = {
        "axial_strain": strain,
        "axial_displacement_m": motion[:, 1],
        "lateral_displacement_m": motion[:, 0],
    }
    found: dict[str, Tensor] = {}
    for name, values in maps.items():

        def stated(
            values: "Tensor", noise: "Tensor", change: "Tensor", support: "Tensor", name: MapName = name
        ) -> "Tensor":
            some = replace(parts[name], noise=noise, change=change, support=support)
            sigma = together[name].sigma(some)
            if alone is not together:
                sigma = torch.where(share.isnan()[:, None, None], alone[name].sigma(some), sigma)
            return sigma.add_(values - values)  # NaN where there is no estimate

        found[name] = in_bands(stated, values, parts[name].noise, parts[name].change, parts[name].support)
    return found


def least_window_m(method: str) -> float:
    """Window below which a method's strain is no noisier, since its motion is smooth already; 0 for windows' own."""
    return STRAIN_WINDOW_M if ESTIMATORS.get(method).strain_window_m < STRAIN_WINDOW_M else 0.0


def component_sigma(name: ComponentName, method: str, strain: Strain, quality: Map, share: float = math.nan) -> Map:
    """Return the standard deviation of a frame's lateral or shear strain (H, W); NaN where axial strain is."""
    parts = parts_of(strain, quality, least_window_m(method), share)[name]
    stated = scales_of(method, alone=math.isnan(share))[name].sigma(parts).numpy()
    return np.where(np.isfinite(strain.axial), stated, np.nan).astype(np.float32)


def noise_share(displacement: Displacement) -> float:
    """Return what a frame holds of its own noise; NaN where it was estimated alone."""
    return displacement.report.get(NOISE_SHARE, math.nan)


def parts_of(strain: Strain, quality: Map, least_window_m: float = 0.0, share: float = math.nan) -> Mapping[str, Parts]:
    """Measure the parts (H, W) of each map's uncertainty from the estimate, and what it holds of its own noise."""
    import torch

    axial, rho = (torch.from_numpy(entry)[None] for entry in (strain.axial, quality))
    windows = max(strain.window_m, least_window_m), strain.lateral_window_m
    return {
        name: Parts(parts.noise[0], parts.change[0], parts.mean[0, 0, 0], parts.support[0], parts.unit)
        for name, parts in _parts(axial, rho, torch.tensor([share]), strain.geometry, *windows).items()
    }


def _parts(
    strain: "Tensor",
    quality: "Tensor",
    share: "Tensor",
    geometry: Geometry,
    window_m: float,
    lateral_window_m: float | None = None,
) -> Mapping[str, Parts]:
    """Measure the parts in several frames at once; those of lateral and shear strain where their window is given."""
    import torch

    from engine.numerics.host import in_bands
    from engine.numerics.running_sum import box_sums

    known = (~strain.isnan()).to(strain.dtype)
    held = strain.nan_to_num(nan=0.0)
    count = known.sum(dim=(-2, -1), keepdim=True).clamp_min(1)
    mean = (held.sum(dim=(-2, -1), keepdim=True, dtype=torch.float64) / count).to(strain.dtype)
    level = mean.abs().clamp_min(SMALLEST_MEAN)

    def log_bound(correlation: "Tensor") -> "Tensor":
        return displacement_deviation_m(WINDOW_M, geometry, correlation.clamp(*CORRELATION_LIMITS)).log()

    bound_m = _mean(in_bands(log_bound, quality), known, geometry, NOISE_M).exp_()
    bound_m = bound_m.mul_(share.nan_to_num(nan=1.0)[:, None, None])
    above = (held - mean).mul_(known)
    change = _mean((above - _mean(above, known, geometry, BLUR_M)).square_(), known, geometry, CHANGE_M).sqrt_()
    rows = window_size(geometry, (SUPPORT_M, 0.0))[0]
    support = in_bands(lambda known: box_sums([known], rows, 1)[0], known, reach=rows // 2).div_(rows)
    support = support.clamp_min_(1 / rows)  # a displacement that nothing around it supports still supports itself
    slope = math.sqrt(12 * WINDOW_M / max(window_m, WINDOW_M / 10) ** 3) * bound_m
    wave = geometry.wavelength_m
    moved = Parts(bound_m / wave, change, level, support, wave)
    found = {
        "axial_strain": Parts(slope, change, level, support, 1.0),
        "axial_displacement_m": moved,
        "lateral_displacement_m": moved,
    }
    if lateral_window_m is not None:
        across = math.sqrt(12 * BEAM_WAVELENGTHS * wave / lateral_window_m**3) * bound_m
        found["lateral_strain"] = Parts(across, change, level, support, 1.0)
        found["shear_strain"] = Parts(torch.hypot(across, slope) / 2, change, level, support, 1.0)
    return found


def _mean(values: "Tensor", known: "Tensor", geometry: Geometry, size_m: tuple[float, float]) -> "Tensor":
    """Mean of the `known` (1, else 0) values (B, H, W) around each pixel; a pixel's own value where there is none."""
    import torch

    from engine.numerics.host import in_bands
    from engine.numerics.running_sum import box_sums

    rows, lines = window_size(geometry, size_m)

    def around(values: "Tensor", known: "Tensor") -> "Tensor":
        total, count = box_sums([values * known, known], rows, lines)
        own = values[..., rows // 2 : values.shape[-2] - rows // 2, :]
        return torch.where(count > 0, total / count.clamp_min(1), own)

    return in_bands(around, values, known, reach=rows // 2)


def scales_of(method: str, *, alone: bool = False) -> Mapping[str, Scales]:
    """Return the calibrated scales of a method, or those of its kind where it was not calibrated itself.

    They are GLUE's for a frame that a method of the whole recording has estimated `alone`.
    """
    if alone and isinstance(ESTIMATORS.get(method), RecordingEstimator):
        return _table()["glue"]
    return _table()[calibrated_as(method)]


def calibrated_as(method: str) -> str:
    """Name the method to whose errors the scales were fitted: itself, or the one it takes them from."""
    return method if method in _table() else _kin(method)


def interval_words(method: str) -> str:
    """Say whose errors the intervals of a method's numbers follow, and which errors are not in them.

    A result may come from a method that is not known here: whose errors they follow is then not known either.

    >>> interval_words("ncc").split(". ")[0]
    'Intervals follow the random errors of ncc on simulated recordings: noise, decorrelation and blur'
    """
    if method in _table() or method in ESTIMATORS.names():
        other = calibrated_as(method)
        borrowed = "" if other == method else f" (those of {method} were not calibrated)"
        errors = "noise, decorrelation and blur"
        whose = f"Intervals follow the random errors of {other} on simulated recordings{borrowed}: {errors}. "
    else:
        whose = f"Intervals are as stored in the result: {method} is not known here, nor what they were calibrated on. "
    return (
        f"{whose}Systematic errors are not in them: motion out of the plane, a wrong sound speed or pitch, the choice "
        "of a region."
    )


def _kin(method: str) -> str:
    estimator = ESTIMATORS.get(method)
    kinds = {"classical": "ncc", "network": "usse-net", "combined": "glue"}
    return "glue-stack" if isinstance(estimator, RecordingEstimator) else kinds[estimator.kind]


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, Scales]]:
    stored = json.loads((files("resources") / "reliability.json").read_text(encoding="utf-8"))
    return {
        method: {name: Scales(tuple(laws["noise"]), tuple(laws["change"])) for name, laws in maps.items()}
        for method, maps in stored["methods"].items()
    }
