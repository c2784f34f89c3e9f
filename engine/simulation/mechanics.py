"""Compression of a phantom by finite elements: plane strain, nearly incompressible, biquadratic elements.

Small-strain linear elasticity, -div sigma(u) = 0 with sigma = lambda tr(eps) I + 2 mu eps, solved with scikit-fem on
nine-node quadrilaterals, which do not lock at Poisson's ratio 0.48 to 0.495. The modulus is evaluated at the
quadrature points, so an inclusion's outline is sharper than the mesh. The skin stays at the probe (depth 0) and the
bottom moves towards it, because displacements are seen from the probe. The solution is linear in the load: a field
is solved once for unit strain and scaled.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import spline_filter
from scipy.sparse.linalg import splu
from torch import Tensor

from engine.simulation.phantom import Phantom

if TYPE_CHECKING:
    from skfem import Basis

_PADDING = 12
"""Nodes by which a field is continued beyond the box, so that its spline keeps its slope at the border."""
Sides = Literal["free", "confined"]


@dataclass(frozen=True)
class Compression:
    """Boundary conditions of unit load.

    `tilt` makes the bottom's displacement grow across the width, -(1 + tilt * 2 x / width) per metre of depth;
    `bonded` keeps skin and bottom from sliding sideways; `sides` are free or kept from moving sideways.
    """

    tilt: float = 0.0
    bonded: bool = False
    sides: Sides = "free"
    poisson_ratio: float = 0.48


@dataclass(frozen=True)
class UnitField:
    """Displacement per unit of compression on a regular grid, in metres, for depths and laterals between the nodes.

    `values_m` is (2, rows, columns): channel 0 lateral, channel 1 axial, node (0, 0) at depth 0 and at lateral
    -width / 2. Between the nodes the field is the cubic B-spline through them; it goes on linearly for a little way
    beyond the box.
    """

    values_m: NDArray[np.float64]
    width_m: float
    depth_m: float
    phantom: Phantom

    @cached_property
    def _coefficients(self) -> Tensor:
        padded = np.pad(
            self.values_m, ((0, 0), (_PADDING, _PADDING), (_PADDING, _PADDING)), "reflect", reflect_type="odd"
        )
        filtered = [spline_filter(channel, order=3, mode="mirror") for channel in padded]
        return torch.as_tensor(np.stack(filtered))

    def on_grid(self, depths_m: NDArray[np.float64], laterals_m: NDArray[np.float64]) -> Tensor:
        """Displacement in metres at every crossing of depths and laterals, (2, rows, columns) float64."""
        _, rows, columns = self.values_m.shape
        axial = _spline_matrix(depths_m / self.depth_m * (rows - 1), rows)
        lateral = _spline_matrix((laterals_m / self.width_m + 0.5) * (columns - 1), columns)
        return axial @ self._coefficients @ lateral.T


def compress(phantom: Phantom, compression: Compression, element_m: float = 1e-3) -> UnitField:
    """Solve the phantom under unit compression (strain -1 on average over the depth where the tilt is 0)."""
    return solve(phantom, (compression,), element_m)[0]


def solve(phantom: Phantom, loads: tuple[Compression, ...], element_m: float = 1e-3) -> tuple[UnitField, ...]:
    """Solve several loads; those that differ only in their tilt share one factorisation."""
    from skfem import Basis, ElementQuad2, ElementVector, MeshQuad

    columns, rows = round(phantom.width_m / element_m), round(phantom.depth_m / element_m)
    x = np.linspace(-0.5, 0.5, columns + 1) * phantom.width_m
    z = np.linspace(0.0, 1.0, rows + 1) * phantom.depth_m
    basis = Basis(MeshQuad.init_tensor(x, z), ElementVector(ElementQuad2()), intorder=4)
    factors: dict[Compression, _Factor] = {}
    fields = []
    for load in loads:
        kind = replace(load, tilt=0.0)
        if kind not in factors:
            factors[kind] = _factorise(basis, phantom, kind)
        values_m = _on_nodes(basis, factors[kind].displacement(basis, phantom, load), (rows, columns), phantom)
        fields.append(UnitField(values_m, phantom.width_m, phantom.depth_m, phantom))
    return tuple(fields)


@dataclass(frozen=True)
class _Factor:
    """The stiffness matrix, factorised over the free degrees of freedom."""

    stiffness: Any
    factor: Any
    free: NDArray[np.int64]

    def displacement(self, basis: "Basis", phantom: Phantom, load: Compression) -> NDArray[np.float64]:
        """Solve with the bottom's displacement prescribed."""
        prescribed = np.zeros(basis.N)
        _, bottom = _components(basis, basis.get_dofs(lambda x: np.isclose(x[1], phantom.depth_m)).all())
        lateral = basis.doflocs[0, bottom] * 2 / phantom.width_m
        prescribed[bottom] = -phantom.depth_m * (1 + load.tilt * lateral)
        solution = prescribed.copy()
        solution[self.free] = self.factor.solve(-(self.stiffness @ prescribed)[self.free])
        return solution


def _factorise(basis: "Basis", phantom: Phantom, load: Compression) -> _Factor:
    stiffness = _stiffness(basis, phantom, load.poisson_ratio).tocsc()
    free = np.setdiff1d(np.arange(basis.N), _fixed_dofs(basis, phantom, load))
    factor = splu(stiffness[free][:, free], permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    return _Factor(stiffness, factor, free)


def _stiffness(basis: "Basis", phantom: Phantom, poisson_ratio: float) -> Any:
    from skfem import BilinearForm
    from skfem.helpers import ddot, div, sym_grad

    def elasticity(u: Any, v: Any, w: Any) -> Any:
        mu = w.modulus / (2 * (1 + poisson_ratio))
        bulk = 2 * poisson_ratio / (1 - 2 * poisson_ratio)
        return mu * (2 * ddot(sym_grad(u), sym_grad(v)) + bulk * div(u) * div(v))

    places = np.asarray(basis.global_coordinates())
    return BilinearForm(elasticity).assemble(basis, modulus=phantom.youngs_modulus_pa(places[0], places[1]))


def _fixed_dofs(basis: "Basis", phantom: Phantom, load: Compression) -> NDArray[np.int64]:
    """Axial at skin and bottom; lateral there when bonded, at the sides when confined, else at one skin point."""
    ends = basis.get_dofs(lambda x: np.isclose(x[1], 0.0) | np.isclose(x[1], phantom.depth_m)).all()
    end_lateral, end_axial = _components(basis, ends)
    fixed = [end_axial]
    if load.bonded:
        fixed.append(end_lateral)
    if load.sides == "confined":
        sides = basis.get_dofs(lambda x: np.isclose(np.abs(x[0]), phantom.width_m / 2)).all()
        fixed.append(_components(basis, sides)[0])
    if not load.bonded and load.sides == "free":
        skin = end_lateral[np.isclose(basis.doflocs[1, end_lateral], 0.0)]
        fixed.append(skin[[np.argmin(np.abs(basis.doflocs[0, skin]))]])
    return np.unique(np.concatenate(fixed))


def _components(basis: "Basis", dofs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split degrees of freedom into the lateral and the axial ones."""
    lateral = np.concatenate([basis.nodal_dofs[0], basis.facet_dofs[0], basis.interior_dofs[0]])
    is_lateral = np.zeros(basis.N, dtype=bool)
    is_lateral[lateral] = True
    return dofs[is_lateral[dofs]], dofs[~is_lateral[dofs]]


def _on_nodes(
    basis: "Basis", solution: NDArray[np.float64], elements: tuple[int, int], phantom: Phantom
) -> NDArray[np.float64]:
    """Sort the solution into a grid of half elements, (2, 2 rows + 1, 2 columns + 1)."""
    rows, columns = 2 * elements[0], 2 * elements[1]
    column = np.rint((basis.doflocs[0] / phantom.width_m + 0.5) * columns).astype(int)
    row = np.rint(basis.doflocs[1] / phantom.depth_m * rows).astype(int)
    values_m = np.zeros((2, rows + 1, columns + 1))
    for channel, dofs in enumerate(_components(basis, np.arange(basis.N))):
        values_m[channel, row[dofs], column[dofs]] = solution[dofs]
    return values_m


def _spline_matrix(places: NDArray[np.float64], nodes: int) -> Tensor:
    """Cubic B-spline weights of the padded coefficients at places counted in nodes, (P, nodes + 2 padding)."""
    places = np.clip(places + _PADDING, 1.0, nodes + 2 * _PADDING - 3.0)
    nodes += 2 * _PADDING
    first = np.floor(places).astype(int)
    t = places - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    matrix = np.zeros((places.size, nodes))
    for offset, weight in zip(range(-1, 3), weights, strict=True):
        matrix[np.arange(places.size), first + offset] = weight / 6
    return torch.as_tensor(matrix)
