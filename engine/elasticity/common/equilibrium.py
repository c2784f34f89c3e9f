"""The statistical forward model f = D(u_measured) E + noise, whose covariance depends on E (RED elasticity, eq. 4, 5).

The residual of equilibrium under measured displacement is normal with covariance G(E) = S_w + K(E) S_n K(E)^T.
Of the paper's S_w, to which it gives no value, only a jitter of the diagonal is here, so that G can be inverted.
Keeping G fixed while E is updated, and renewing it from time to time, is the paper's fixed-point scheme.
"""

import numpy as np
from scipy.sparse import csr_matrix, diags, identity, vstack
from scipy.sparse.linalg import splu

from engine.elasticity.common.forward_model import Vector
from engine.elasticity.common.observation import Observation
from engine.errors import ParameterError

_JITTER = 1e-6
"""Relative addition to the diagonal of G: K(E) has a null space, and G must be invertible."""

_SCALE_SIGMA = 1e-3
"""Standard deviation of the row that sets the mean modulus to 1 when no force is known."""


class EquilibriumModel:
    """Whitened equation error of one observation: gradient, curvature and misfit at the current covariance.

    With all forces zero the modulus is known up to a factor only; one more row then asks for a mean of 1.
    """

    def __init__(self, observation: Observation) -> None:
        if not np.isfinite(observation.sigma_m).all():
            raise ParameterError("the statistical model needs both displacement components at every node")
        self.observation = observation
        self.model = observation.model
        self.rows = observation.free
        operator = self.model.modulus_operator(observation.displacement_m)[self.rows]
        force = observation.force[self.rows]
        self.scale_is_free = not force.any()
        if self.scale_is_free:
            size = operator.shape[1]
            operator = vstack([operator, csr_matrix(np.full((1, size), 1 / size))]).tocsr()
            force = np.append(force, 1.0)
        self.operator, self.force = operator, force
        self.noise = np.where(np.isin(np.arange(observation.sigma_m.size), observation.fixed), 0.0, observation.sigma_m)

    def refresh(self, modulus: Vector) -> None:
        """Renew the covariance at a nodal modulus (N,), and the gradient's Lipschitz constant with it."""
        stiffness = self.model.stiffness(modulus)[self.rows]
        covariance = (stiffness @ diags(self.noise**2) @ stiffness.T).tocsc()
        jitter = _JITTER * covariance.diagonal().max()
        covariance = covariance + jitter * identity(covariance.shape[0], format="csc")
        self.factors = splu(covariance.tocsc())
        self.lipschitz = self._largest_curvature()

    def whitened(self, residual: Vector) -> Vector:
        """G^-1 times a residual."""
        if not self.scale_is_free:
            return np.asarray(self.factors.solve(residual))
        return np.append(self.factors.solve(residual[:-1]), residual[-1] / _SCALE_SIGMA**2)

    def gradient(self, modulus: Vector) -> Vector:
        """Gradient of 1/2 |f - D E|^2 in the norm of G^-1, equation 9."""
        return np.asarray(-self.operator.T @ self.whitened(self.force - self.operator @ modulus))

    def misfit(self, modulus: Vector) -> float:
        """|f - D E|^2 in the norm of G^-1 over the number of rows: about 1 at the truth."""
        residual = self.force - self.operator @ modulus
        squared: float = residual @ self.whitened(residual)
        return float(squared) / int(residual.size)

    def _largest_curvature(self, iterations: int = 30) -> float:
        """Largest eigenvalue of D^T G^-1 D by power iteration."""
        vector: Vector = np.random.default_rng(0).normal(size=self.operator.shape[1])
        largest = 1.0
        for _ in range(iterations):
            vector /= np.linalg.norm(vector)
            image = self.operator.T @ self.whitened(self.operator @ vector)
            largest = float(np.linalg.norm(image))
            vector = image
        return 1.05 * largest
