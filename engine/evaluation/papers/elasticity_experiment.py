"""The experiment of the RED elasticity paper (section 5): random inclusions, 35 dB displacement noise, four methods.

Inclusions of modulus 0.3 to 0.8 lie in a background of 0.1 to 0.15 (unit 100 kPa in the paper's figure); a plate
compresses the square field, whose surface force is known; both displacement components carry white noise. Masks are
random ellipses and blobs, since the paper's masks are not public.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch.nn import functional

from engine.elasticity.common.denoiser import DenoiserConfig, ModulusDenoiser
from engine.elasticity.common.equilibrium import EquilibriumModel
from engine.elasticity.common.forward_model import ElasticModel, Vector
from engine.elasticity.common.observation import Observation
from engine.elasticity.gauss_newton import GaussNewtonParameters, invert
from engine.elasticity.red import Denoiser, REDParameters, regularised
from engine.elasticity.statistical import StatisticalParameters, maximum_likelihood, starting_modulus

SIDE_M = 40e-3
COMPRESSION = 0.01
METHODS = ("strain-inverse", "gauss-newton", "gauss-newton-plain", "statistical", "red", "red-printed")
"""`plain` is Gauss-Newton on the misfit alone; `printed` takes the prior's weight from equation 12."""

WHITE_TV_WEIGHT = 2.0
"""The paper's noise is white, so that each node says something new; tracked displacement errs alike in neighbours."""

TEST_SEED = 1_000_000
"""First seed of the test phantoms; training uses seeds from 0 and must stay below."""


@dataclass(frozen=True)
class Case:
    """One phantom: true modulus and inclusion (rows, lines), and what is measured of its compression."""

    modulus: Vector
    inclusion: NDArray[np.bool_]
    observation: Observation


@dataclass(frozen=True)
class Score:
    """Errors of one reconstruction, both maps scaled to a background median of 1."""

    relative_error: float
    rms_error: float
    cnr: float
    ratio: float


def make_case(seed: int, nodes: int = 32, noise_db: float = 35.0) -> Case:
    """Draw one phantom, compress it by 1 % and add the noise."""
    random = np.random.default_rng(seed)
    inclusion = _mask(random, nodes)
    modulus = np.full((nodes, nodes), random.uniform(0.1, 0.15))
    modulus[inclusion] = random.uniform(0.3, 0.8)
    spacing = SIDE_M / (nodes - 1)
    model = ElasticModel(nodes, nodes, spacing, spacing)
    bottom, top = model.border("bottom"), model.border("top")
    pin = model.lateral_dofs[model.node_order[-1, nodes // 2]]
    held = np.concatenate([model.axial_dofs[bottom], [pin]])
    pressed = np.concatenate([held, model.axial_dofs[top]])
    values = np.concatenate([np.zeros(held.size), np.full(top.size, COMPRESSION * SIDE_M)])
    displacement = model.solve(model.to_nodes(modulus), pressed, values)
    force = model.stiffness(model.to_nodes(modulus)) @ displacement
    sigma = np.empty_like(displacement)
    for dofs in (model.axial_dofs, model.lateral_dofs):
        sigma[dofs] = np.sqrt((displacement[dofs] ** 2).mean()) * 10 ** (-noise_db / 20)
    measured = displacement + sigma * random.normal(size=sigma.size)
    measured[held] = 0.0
    return Case(modulus, inclusion, Observation(model, measured, sigma, held, force))


def reconstruct(case: Case, method: str, denoiser: Denoiser | None = None) -> Vector:
    """Modulus map (rows, lines) by one of METHODS."""
    observation = case.observation
    if method == "strain-inverse":
        axial = observation.model.to_map(observation.displacement_m[observation.model.axial_dofs])
        slope = np.abs(np.gradient(axial, observation.model.axial_spacing_m, axis=0))
        return np.asarray(1 / np.maximum(slope, 0.1 * COMPRESSION))
    if method in {"gauss-newton", "gauss-newton-plain"}:
        weight = WHITE_TV_WEIGHT if method == "gauss-newton" else 0.0
        params = GaussNewtonParameters(tv_weight=weight, iterations=20)
        nodal = invert(observation, params, start=_uniform(observation)).values
    elif method == "statistical":
        nodal = maximum_likelihood(observation, StatisticalParameters()).values
    elif denoiser is None:
        raise ValueError("red needs a denoiser")
    else:
        rule = REDParameters(weight_rule="printed" if method == "red-printed" else "balance")
        nodal = regularised(observation, denoiser, rule).values
    return observation.model.to_map(nodal)


def score(case: Case, modulus: Vector) -> Score:
    """Compare with the truth, both relative to the background."""
    outside = ~case.inclusion
    truth = case.modulus / np.median(case.modulus[outside])
    found = modulus / np.median(modulus[outside])
    target, background = found[case.inclusion], found[outside]
    spread = np.sqrt((target.var() + background.var()) / 2)
    return Score(
        float(np.linalg.norm(found - truth) / np.linalg.norm(truth)),
        float(np.sqrt(((found - truth) ** 2).mean())),
        float(abs(target.mean() - background.mean()) / spread),
        float(np.median(target) / truth[case.inclusion].mean()),
    )


def training_pairs(count: int, nodes: int = 32, first_seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Maximum-likelihood estimates and their truth, each (count, 1, rows, lines), scaled by the estimate's median."""
    if first_seed + count > TEST_SEED:
        raise ValueError("training seeds would run into the test seeds")
    noisy, clean = [], []
    for seed in range(first_seed, first_seed + count):
        case = make_case(seed, nodes)
        estimate = reconstruct(case, "statistical")
        scale = np.median(estimate)
        noisy.append(torch.as_tensor(estimate / scale, dtype=torch.float32))
        clean.append(torch.as_tensor(case.modulus / scale, dtype=torch.float32))
    return torch.stack(noisy)[:, None], torch.stack(clean)[:, None]


def train_denoiser(noisy: torch.Tensor, clean: torch.Tensor, epochs: int, seed: int = 0) -> ModulusDenoiser:
    """Supervised training with squared error and Adam, 1e-3 falling to zero by a cosine; flips double the data."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = ModulusDenoiser(DenoiserConfig())
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(noisy), generator=generator), 16):
            flip = partial(torch.flip, dims=(3,)) if torch.rand(1, generator=generator) < 0.5 else torch.clone
            loss = functional.mse_loss(network(flip(noisy[batch])), flip(clean[batch]))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
        schedule.step()
    return network


def _uniform(observation: Observation) -> Vector:
    return starting_modulus(EquilibriumModel(observation))


def _mask(random: np.random.Generator, nodes: int) -> NDArray[np.bool_]:
    """Return an ellipse or a smooth blob that covers 5 to 40 % of the field and keeps off its border."""
    z, x = np.meshgrid(np.linspace(-1, 1, nodes), np.linspace(-1, 1, nodes), indexing="ij")
    while True:
        across, along = random.uniform(0.2, 0.75, 2)
        centre_z, centre_x = random.uniform(-0.5, 0.5, 2)
        angle = random.uniform(0, np.pi)
        u = (x - centre_x) * np.cos(angle) + (z - centre_z) * np.sin(angle)
        v = (z - centre_z) * np.cos(angle) - (x - centre_x) * np.sin(angle)
        radius = (u / across) ** 2 + (v / along) ** 2
        if random.random() < 0.5:
            bumps = gaussian_filter(random.normal(size=(nodes, nodes)), nodes / 8)
            radius = radius * np.exp(0.8 * bumps / bumps.std() * 0.5)
        mask: NDArray[np.bool_] = (radius < 1) & (np.maximum(np.abs(x), np.abs(z)) < 0.85)
        if 0.05 <= mask.mean() <= 0.40:
            return mask
