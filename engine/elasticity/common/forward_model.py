"""Static linear elasticity in two dimensions with a nodal Young's modulus: K(E) u = D(u) E = f.

Bilinear quadrilaterals with 2 x 2 Gauss points; in plane strain the change of volume is taken at their centre alone, as
otherwise they would lock in nearly incompressible tissue (selective reduced integration, Hughes 1980). Modulus and
displacement share the nodes, so that the internal force is linear in the modulus with E as a nodal vector (Mohammadi
et al., RED elasticity, equation 1). Degrees of freedom are ordered node by node, axial and lateral interleaved as
scikit-fem numbers them; `axial_dofs` and `lateral_dofs` pick.
Axis 0 of the mesh is lateral (x), axis 1 is depth (z).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import skfem
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu
from skfem.helpers import ddot, div, sym_grad

from engine.errors import ParameterError

Vector = NDArray[np.float64]
PlaneModel = Literal["plane-stress", "plane-strain"]

_GAUSS_2X2 = 3
"""Integration order for which scikit-fem uses 2 x 2 Gauss points on a quadrilateral."""

_CENTRE = (np.array([[0.5], [0.5]]), np.array([1.0]))
"""One Gauss point, in the middle of the unit square."""


@dataclass(frozen=True)
class ElasticModel:
    """A rectangular mesh of `rows` x `lines` nodes, `(axial, lateral)`, with its elastic operators.

    Parameters
    ----------
    rows, lines
        Number of nodes along depth and laterally, each at least 3.
    axial_spacing_m, lateral_spacing_m
        Distance of neighbouring nodes.
    poisson_ratio
        From 0 to below 0.5; else a ParameterError.
    plane
        Plane stress lets the tissue expand freely out of the plane; plane strain forbids it.
    """

    rows: int
    lines: int
    axial_spacing_m: float
    lateral_spacing_m: float
    poisson_ratio: float = 0.495
    plane: PlaneModel = "plane-stress"

    def __post_init__(self) -> None:
        if min(self.rows, self.lines) < 3:
            raise ParameterError(f"the elastic model needs at least 3 x 3 nodes, found {self.rows} x {self.lines}")
        if not 0 <= self.poisson_ratio < 0.5:
            raise ParameterError(f"the Poisson ratio lies from 0 to below 0.5, found {self.poisson_ratio}")

    @cached_property
    def node_order(self) -> NDArray[np.int64]:
        """Node number of each place of a map, (rows, lines)."""
        x, z = self._mesh.p
        row = np.rint(z / self.axial_spacing_m).astype(np.int64)
        line = np.rint(x / self.lateral_spacing_m).astype(np.int64)
        order = np.empty((self.rows, self.lines), dtype=np.int64)
        order[row, line] = np.arange(x.size)
        return order

    def to_nodes(self, image: NDArray[np.floating]) -> Vector:
        """Put a map (rows, lines) into the order of the nodes."""
        nodal = np.empty(image.size)
        nodal[self.node_order] = image
        return nodal

    def to_map(self, nodal: Vector) -> Vector:
        """Put nodal values into a map (rows, lines)."""
        return nodal[self.node_order]

    def displacement(self, axial: NDArray[np.floating], lateral: NDArray[np.floating]) -> Vector:
        """Stack two maps (rows, lines) into one vector of degrees of freedom."""
        u = np.empty(2 * axial.size)
        u[self.axial_dofs] = self.to_nodes(axial)
        u[self.lateral_dofs] = self.to_nodes(lateral)
        return u

    @cached_property
    def axial_dofs(self) -> NDArray[np.int64]:
        """Degree of freedom of the axial displacement of each node."""
        return np.asarray(self._vector_basis.nodal_dofs[1], dtype=np.int64)

    @cached_property
    def lateral_dofs(self) -> NDArray[np.int64]:
        """Degree of freedom of the lateral displacement of each node."""
        return np.asarray(self._vector_basis.nodal_dofs[0], dtype=np.int64)

    def border(self, *sides: Literal["top", "bottom", "left", "right"]) -> NDArray[np.int64]:
        """Nodes on the named sides, without repetition."""
        order = self.node_order
        edges = {"top": order[0], "bottom": order[-1], "left": order[:, 0], "right": order[:, -1]}
        return np.unique(np.concatenate([edges[side] for side in sides]))

    def stiffness(self, modulus: Vector) -> csr_matrix:
        """K(E), (2N, 2N) symmetric, N/m per metre of thickness when E is in Pa; E is nodal."""
        first, second = self._lame
        scalar, vector = self._scalar_basis, self._vector_basis
        shear = _SHEAR.assemble(vector, modulus=scalar.interpolate(modulus), factor=second)
        scalar, vector = self._volume_bases
        assembled: csr_matrix = (
            shear + _VOLUME.assemble(vector, modulus=scalar.interpolate(modulus), factor=first)
        ).tocsr()
        return assembled

    def modulus_operator(self, displacement: Vector) -> csr_matrix:
        """D(u), (2N, N), with K(E) u = D(u) E exactly."""
        first, second = self._lame
        scalar, vector = self._scalar_basis, self._vector_basis
        shear = _SHEAR_OPERATOR.assemble(scalar, vector, displacement=vector.interpolate(displacement), factor=second)
        scalar, vector = self._volume_bases
        volume = _VOLUME_OPERATOR.assemble(scalar, vector, displacement=vector.interpolate(displacement), factor=first)
        assembled: csr_matrix = (shear + volume).tocsr()
        return assembled

    def solve(self, modulus: Vector, fixed: NDArray[np.int64], values: Vector, force: Vector | None = None) -> Vector:
        """Displacement under prescribed values at the dofs `fixed` and nodal forces (default none) elsewhere."""
        u = np.zeros(2 * modulus.size)
        u[fixed] = values
        free = np.setdiff1d(np.arange(u.size), fixed)
        stiffness = self.stiffness(modulus)
        load = -(stiffness @ u)[free] if force is None else (force - stiffness @ u)[free]
        u[free] = splu(stiffness[free][:, free].tocsc()).solve(load)
        return u

    @cached_property
    def _mesh(self) -> skfem.MeshQuad:
        return skfem.MeshQuad.init_tensor(
            np.arange(self.lines) * self.lateral_spacing_m, np.arange(self.rows) * self.axial_spacing_m
        )

    @cached_property
    def _scalar_basis(self) -> skfem.Basis:
        return skfem.Basis(self._mesh, skfem.ElementQuad1(), intorder=_GAUSS_2X2)

    @cached_property
    def _vector_basis(self) -> skfem.Basis:
        return skfem.Basis(self._mesh, skfem.ElementVector(skfem.ElementQuad1()), intorder=_GAUSS_2X2)

    @cached_property
    def _volume_bases(self) -> tuple[skfem.Basis, skfem.Basis]:
        """Scalar and vector basis at the points where the change of volume is taken."""
        if self.plane == "plane-stress":
            return self._scalar_basis, self._vector_basis
        element = skfem.ElementQuad1()
        return (
            skfem.Basis(self._mesh, element, quadrature=_CENTRE),
            skfem.Basis(self._mesh, skfem.ElementVector(element), quadrature=_CENTRE),
        )

    @property
    def _lame(self) -> tuple[float, float]:
        """Lame constants for E = 1: stress = first * trace(strain) I + 2 * second * strain."""
        nu = self.poisson_ratio
        second = 1 / (2 * (1 + nu))
        first = nu / (1 - nu**2) if self.plane == "plane-stress" else nu / ((1 + nu) * (1 - 2 * nu))
        return first, second


@skfem.BilinearForm  # type: ignore[untyped-decorator]
def _SHEAR(u: Any, v: Any, w: Any) -> Any:  # noqa: N802
    return 2 * w["factor"] * w["modulus"] * ddot(sym_grad(u), sym_grad(v))


@skfem.BilinearForm  # type: ignore[untyped-decorator]
def _VOLUME(u: Any, v: Any, w: Any) -> Any:  # noqa: N802
    return w["factor"] * w["modulus"] * div(u) * div(v)


@skfem.BilinearForm  # type: ignore[untyped-decorator]
def _SHEAR_OPERATOR(e: Any, v: Any, w: Any) -> Any:  # noqa: N802
    return 2 * w["factor"] * e * ddot(sym_grad(w["displacement"]), sym_grad(v))


@skfem.BilinearForm  # type: ignore[untyped-decorator]
def _VOLUME_OPERATOR(e: Any, v: Any, w: Any) -> Any:  # noqa: N802
    return w["factor"] * e * div(w["displacement"]) * div(v)
