"""What is measured of a deformation, on the nodes of an elastic model: displacement, its noise and the boundary.

The imaged box is a window into larger tissue, so no force is known; measured displacement on the border takes its
place as a Dirichlet condition, and the modulus is determined up to one factor.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from engine.elasticity.common.forward_model import ElasticModel, PlaneModel, Vector
from engine.errors import ParameterError
from engine.numerics.accuracy_limit import displacement_deviation_m
from engine.numerics.gaps import fill_gaps
from engine.types import FrameEstimate, Geometry, Map

NOISE_FLOOR_SAMPLES = 0.01
"""Below it, interpolation and mechanics, not speckle, limit a displacement."""

LATERAL_FLOOR_M = 4e-6
"""Below it, the errors of lateral displacement are smooth, so that they do not show as noise."""

_BORDER_SMOOTHING_NODES = 7

_KNOWN = 0.02
"""Largest noise of a lateral displacement, relative to its standard deviation, that is prescribed on the border."""

_DEVIATION_OF_MEDIAN = 1.4826
"""Standard deviation of a normal distribution over the median of its magnitude."""


@dataclass(frozen=True)
class Observation:
    """Displacement at the nodes of `model` in metres, (2N,), with its standard deviation, (2N,), inf where unknown.

    `fixed` lists the degrees of freedom that are prescribed (to the values of `displacement_m`); `force` (2N,) is the
    known nodal force at all others, zero inside tissue. `lateral_m` (rows, lines) is the measured lateral displacement,
    where it is known well enough to be prescribed on the border.
    """

    model: ElasticModel
    displacement_m: Vector
    sigma_m: Vector
    fixed: NDArray[np.int64]
    force: Vector
    lateral_m: Vector | None = None

    @property
    def free(self) -> NDArray[np.int64]:
        """Degrees of freedom that equilibrium decides."""
        return np.setdiff1d(np.arange(self.displacement_m.size), self.fixed)


@dataclass(frozen=True)
class NodeGrid:
    """Places of the nodes in the image: `depths_m` (rows,) and `laterals_m` (lines,), regular."""

    depths_m: Vector
    laterals_m: Vector

    def spread(self, values: NDArray[np.floating], shape: tuple[int, int], geometry: Geometry) -> Map:
        """Interpolate a nodal map (rows, lines) to the image (H, W) bilinearly; outside the nodes it is NaN."""
        from scipy.interpolate import RegularGridInterpolator

        interpolator = RegularGridInterpolator(
            (self.depths_m, self.laterals_m), values, bounds_error=False, fill_value=np.nan
        )
        depths, laterals = np.meshgrid(geometry.depths_m(shape[0]), geometry.laterals_m(shape[1]), indexing="ij")
        return np.asarray(interpolator((depths, laterals)), dtype=np.float32)


def observe(
    estimate: FrameEstimate,
    node_spacing_m: float,
    poisson_ratio: float = 0.48,
    plane: PlaneModel = "plane-strain",
) -> tuple[Observation, NodeGrid]:
    """Reduce a frame's axial displacement to nodes by a plane fit in each cell, with the noise that it shows there.

    The axial displacement is prescribed on all four sides (smoothed along them), and so is the lateral one, where it is
    known to two hundredths of its size; else the box is laterally free but for one pinned node. Inside, lateral
    displacement is an order of magnitude noisier than axial and not used.
    """
    geometry = estimate.displacement.geometry
    cell = (max(round(node_spacing_m / geometry.axial_spacing_m), 1), max(round(node_spacing_m / geometry.pitch_m), 1))
    rows, lines = (size // step for size, step in zip(estimate.quality.shape, cell, strict=True))
    if min(rows, lines) < 5:
        raise ParameterError(f"node spacing {node_spacing_m * 1e3:g} mm leaves {rows} x {lines} nodes: at least 5 x 5")
    axial, valid = _plane_fit(estimate.displacement.axial_m, cell)
    if not valid.any():
        raise ParameterError("the frame holds no valid displacement")
    quality, _ = _plane_fit(estimate.quality, cell)
    model = ElasticModel(
        rows, lines, cell[0] * geometry.axial_spacing_m, cell[1] * geometry.pitch_m, poisson_ratio, plane
    )
    lateral, valid_laterally = _plane_fit(estimate.displacement.lateral_m, cell)
    # The border is prescribed everywhere, so invalid nodes need a value.
    axial, lateral = fill_gaps(axial, ~valid), fill_gaps(lateral, ~valid_laterally)
    sigma = _noise_m(axial, np.clip(quality, 0.05, 0.9999), cell, geometry)
    sigma[~valid] = np.inf
    observation = _with_measured_border(model, axial, sigma, lateral if _is_known(lateral) else None)
    heights = geometry.depths_m(rows * cell[0]).reshape(rows, cell[0]).mean(axis=1)
    widths = geometry.laterals_m(estimate.quality.shape[1])[: lines * cell[1]].reshape(lines, cell[1]).mean(axis=1)
    return observation, NodeGrid(heights, widths)


def with_lateral(observation: Observation) -> Observation:
    """Add the lateral displacement inside, which some methods need: as measured, else that of a uniform body.

    Without a measurement, it is what a uniform body takes under the measured axial displacement, with the noise of the
    axial one.
    """
    model = observation.model
    if observation.lateral_m is not None:
        measured = observation.displacement_m.copy()
        inside = np.setdiff1d(model.lateral_dofs, observation.fixed)
        measured[inside] = model.displacement(observation.lateral_m, observation.lateral_m)[inside]
        deviation = observation.sigma_m.copy()
        deviation[model.axial_dofs] = _finite(deviation[model.axial_dofs])
        deviation[model.lateral_dofs] = max(_roughness(observation.lateral_m), LATERAL_FLOOR_M)
        return replace(observation, displacement_m=measured, sigma_m=deviation)
    pinned = np.setdiff1d(observation.fixed, model.axial_dofs)
    fixed = np.concatenate([model.axial_dofs, pinned])
    displacement = model.solve(np.ones(model.rows * model.lines), fixed, observation.displacement_m[fixed])
    sigma = observation.sigma_m.copy()
    sigma[model.axial_dofs] = sigma[model.lateral_dofs] = _finite(sigma[model.axial_dofs])
    return replace(observation, displacement_m=displacement, sigma_m=sigma)


def _finite(sigma: Vector) -> Vector:
    """Give what is unknown the largest noise that is known."""
    known = np.isfinite(sigma)
    return np.asarray(np.where(known, sigma, sigma[known].max()))


def _with_measured_border(model: ElasticModel, axial: Vector, sigma: Vector, lateral: Vector | None) -> Observation:
    """Prescribe the axial displacement on the border, and the lateral one there too or, without it, at one node."""
    border = model.border("top", "bottom", "left", "right")
    held = model.lateral_dofs[model.node_order[0, model.lines // 2]].reshape(1)
    if lateral is not None:
        held = model.lateral_dofs[border]
    spread = np.full(2 * axial.size, np.inf)
    spread[model.axial_dofs] = model.to_nodes(sigma)
    return Observation(
        model,
        model.displacement(_smooth_border(axial), np.zeros_like(axial) if lateral is None else _smooth_border(lateral)),
        spread,
        np.concatenate([model.axial_dofs[border], held]),
        np.zeros(2 * axial.size),
        lateral,
    )


def _smooth_border(nodal: Vector) -> Vector:
    """Smooth a nodal map (rows, lines) along its four sides."""
    smooth = nodal.copy()
    for edge in (np.s_[0, :], np.s_[-1, :], np.s_[:, 0], np.s_[:, -1]):
        length = min(_BORDER_SMOOTHING_NODES, nodal[edge].size - (nodal[edge].size + 1) % 2)
        smooth[edge] = savgol_filter(nodal[edge], length, 2)
    return smooth


def _is_known(lateral: Vector) -> bool:
    """Whether a lateral displacement (rows, lines) is much larger than its noise; some methods give none at all."""
    return bool(_roughness(lateral) < _KNOWN * np.std(lateral))


def _roughness(nodal: Vector) -> float:
    """Estimate the standard deviation of a nodal map's noise from its third differences along and across lines.

    These have 20 times the variance of white noise, and a smooth field leaves hardly any; the median passes the few
    places where tissue bends sharply. The larger of both counts, since estimators smooth one direction more.
    """
    found = [np.median(np.abs(np.diff(nodal, 3, axis=axis))) for axis in (0, 1)]
    return float(_DEVIATION_OF_MEDIAN * max(found) / np.sqrt(20))


def _plane_fit(image: Map, cell: tuple[int, int]) -> tuple[Vector, NDArray[np.bool_]]:
    """Value at each cell's centre of the plane fitted to its valid pixels, and whether half of them are valid."""
    rows, lines = image.shape[0] // cell[0], image.shape[1] // cell[1]
    blocks = image[: rows * cell[0], : lines * cell[1]].astype(np.float64)
    blocks = blocks.reshape(rows, cell[0], lines, cell[1]).transpose(0, 2, 1, 3).reshape(rows, lines, -1)
    weight = np.isfinite(blocks).astype(np.float64)
    blocks = np.nan_to_num(blocks)
    z, x = np.meshgrid(_centred(cell[0]), _centred(cell[1]), indexing="ij")
    basis = np.stack([np.ones(z.size), z.ravel(), x.ravel()])
    normal = np.einsum("ip,jp,rlp->rlij", basis, basis, weight) + 1e-9 * np.eye(3)
    moments = np.einsum("ip,rlp->rli", basis, weight * blocks)
    value = np.linalg.solve(normal, moments[..., None])[..., 0, 0]
    return value, weight.mean(axis=-1) >= 0.5


def _centred(size: int) -> Vector:
    return (np.arange(size) - (size - 1) / 2) / max(size, 1)


def _noise_m(axial: Vector, correlation: Vector, cell: tuple[int, int], geometry: Geometry) -> Vector:
    """Return the standard deviation of the nodes' axial displacement: as it shows, more where correlation is poor.

    The Cramer-Rao bound of single windows says how noise goes with correlation. Its size is another matter: an
    estimator that borrows from neighbours lies far below the bound, and one that fails lies above it.
    """
    bound = displacement_deviation_m(cell[0] * geometry.axial_spacing_m, geometry, correlation)
    shown = _roughness(axial) * bound / np.median(bound)
    return np.maximum(shown, NOISE_FLOOR_SAMPLES * geometry.axial_spacing_m)
