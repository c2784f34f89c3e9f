"""Modulus ratio of a disc to what surrounds it by every elasticity method, as a Markdown table.

    python tests/benchmarks/benchmark_discs.py [--method NAME] [--ratios R ...] [--strains S ...]
    python tests/benchmarks/benchmark_discs.py --noise SNR CORRELATION --seed SEED --tv-weights W ... [--ratios R ...]
    python tests/benchmarks/benchmark_discs.py --drawn SEED ... [--method NAME] [--strains S ...]

A disc of 5 mm radius and 0.3 to 8 times the stiffness around it in a box of 40 x 40 mm, plane strain, window of
32 x 30 mm: from exact displacement at 2 % strain and from that tracked in simulated RF (30 dB) at 1.5 and 4 %.

`--noise` degrades the RF, gives gauss-newton alone, and adds exact displacement with white noise of 40 dB at the nodes.
`--drawn` takes discs whose radius (3 to 7 mm), place, stiffness (0.3 to 8, log-uniform) and RF noise (20 to 40 dB) are
drawn, one a seed, and gives found / true. The fixed discs use RF of seed 5, on which defaults were chosen.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.elasticity.base import ELASTICITY_METHODS, RelativeModulus, modulus_ratio
from engine.elasticity.common.nodal import NodalParameters
from engine.estimators.default import default_method
from engine.pipeline import Settings, run
from engine.simulation.mechanics import Compression, compress
from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.sequences import Degradation, FrameLoad
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.25e-3, start_depth_m=5e-3)
SHAPE = (1560, 128)
RATIOS = (0.3, 0.4, 3.0, 8.0)
STRAINS = (0.015, 0.04)
TUNED_SEED = 5
WHITE_DB = 40.0
WHITE_SEED = 11
NO_LIMIT_S = 3600.0
"""Time limit of a reconstruction, so that a busy machine changes no number."""


@dataclass(frozen=True)
class Disc:
    """A disc `ratio` times as stiff as the tissue around it, and the noise and seed of its RF."""

    ratio: float
    radius_m: float = 5e-3
    lateral_m: float = 0.0
    depth_m: float = 20e-3
    snr_db: float = 30.0
    seed: int = TUNED_SEED
    correlation: float = 1.0

    @classmethod
    def drawn(cls, seed: int) -> "Disc":
        """Draw one."""
        draw = np.random.default_rng(seed)
        return cls(
            float(np.exp(draw.uniform(np.log(0.3), np.log(8.0)))),
            float(draw.uniform(3e-3, 7e-3)),
            float(draw.uniform(-3e-3, 3e-3)),
            float(draw.uniform(17e-3, 23e-3)),
            float(draw.uniform(20.0, 40.0)),
            seed,
        )

    @property
    def phantom(self) -> Phantom:
        """A box of 40 x 40 mm with the disc in it."""
        place = Ellipse(self.lateral_m, self.depth_m, self.radius_m, self.radius_m)
        return Phantom(40e-3, 40e-3, (25e3,), (Inclusion(place, self.ratio * 25e3),))

    @property
    def target(self) -> Ellipse:
        """The disc without its rim."""
        return Ellipse(self.lateral_m, self.depth_m, 0.7 * self.radius_m, 0.7 * self.radius_m)

    @property
    def reference(self) -> Ellipse:
        """Tissue beside the disc, on the wider side."""
        return Ellipse(-11e-3 if self.lateral_m > 0 else 11e-3, self.depth_m, 2.5e-3, 2.5e-3)


def exact(disc: Disc) -> FrameEstimate:
    """Displacement at 2 % as the finite elements of the simulator have it."""
    depths_m, laterals_m = GEOMETRY.depths_m(SHAPE[0]), GEOMETRY.laterals_m(SHAPE[1])
    field = 0.02 * compress(disc.phantom, Compression()).on_grid(depths_m, laterals_m).numpy()
    lateral, axial = field.astype(np.float32)
    strain = np.gradient(axial, GEOMETRY.axial_spacing_m, axis=0)
    motion = Displacement(axial, lateral, GEOMETRY)
    return FrameEstimate(0, 1, motion, Strain(strain, GEOMETRY, 2e-3), np.full(SHAPE, 0.999, np.float32))


def tracked(disc: Disc, method: str, strains: Iterable[float]) -> Iterator[FrameEstimate]:
    """Displacement that a method finds in simulated RF."""
    loads = tuple(FrameLoad(strain) for strain in strains)
    plan = Plan(
        disc.phantom, GEOMETRY, SHAPE, loads, degradation=Degradation(disc.snr_db, correlation=disc.correlation)
    )
    yield from run(simulate(plan, disc.seed).sequence(), Settings(method), torch.device("cpu"))


def with_white_noise(estimate: FrameEstimate, snr_db: float, seed: int) -> FrameEstimate:
    """Add noise that is white over the nodes and even within a node's cell."""
    random = np.random.default_rng(seed)
    node_m = NodalParameters().node_spacing_m
    cell = round(node_m / GEOMETRY.axial_spacing_m), round(node_m / GEOMETRY.pitch_m)
    noisy = []
    for field in (estimate.displacement.axial_m, estimate.displacement.lateral_m):
        nodes = random.normal(size=(SHAPE[0] // cell[0] + 1, SHAPE[1] // cell[1] + 1))
        size = np.sqrt((field**2).mean()) * 10 ** (-snr_db / 20)
        noisy.append((field + size * np.kron(nodes, np.ones(cell))[: SHAPE[0], : SHAPE[1]]).astype(np.float32))
    return replace(estimate, displacement=replace(estimate.displacement, axial_m=noisy[0], lateral_m=noisy[1]))


def reconstructed(estimate: FrameEstimate, disc: Disc, name: str, **settings: float) -> tuple[float, RelativeModulus]:
    """Return the modulus ratio by an elasticity method, with its defaults where nothing is set, and its map."""
    method = ELASTICITY_METHODS.get(name)
    params = method.Params(**settings)
    if hasattr(params, "time_limit_s"):
        params = replace(params, time_limit_s=NO_LIMIT_S)
    found = method.reconstruct(estimate, disc.reference, params)
    return modulus_ratio(found, disc.target).value, found


def fixed_discs(method: str, ratios: Iterable[float], strains: tuple[float, ...]) -> None:
    """Write the table of the discs that defaults were chosen on."""
    names = ELASTICITY_METHODS.names()
    say(f"| true ratio | displacement |{''.join(f' {name} |' for name in names)} misfit of gauss-newton |")
    say(f"|---|---|{'---|' * len(names)}---|")
    for disc in map(Disc, ratios):
        row(disc, "exact, 2 %", exact(disc))
        if strains:
            for strain, estimate in zip(strains, tracked(disc, method, strains), strict=True):
                row(disc, f"{method}, {100 * strain:g} %", estimate)


def row(disc: Disc, displacement: str, estimate: FrameEstimate) -> None:
    """Write the ratios of one frame."""
    found = {name: reconstructed(estimate, disc, name) for name in ELASTICITY_METHODS.names()}
    ratios = "".join(f" {ratio:.3g} |" for ratio, _ in found.values())
    say(f"| {disc.ratio:g} | {displacement} |{ratios} {found['gauss-newton'][1].misfit[-1]:.2f} |")


def noisy_discs(method: str, discs: Iterable[Disc], strains: tuple[float, ...], weights: tuple[float, ...]) -> None:
    """Write found / true and misfit of gauss-newton by the weight of its total variation."""
    say(f"| true ratio | displacement |{''.join(f' {weight:g} |' for weight in weights)}")
    say(f"|---|---|{'---|' * len(weights)}")
    for disc in discs:
        shown = [(f"white, {WHITE_DB:g} dB", with_white_noise(exact(disc), WHITE_DB, WHITE_SEED))]
        words = (f"{method}, {100 * strain:g} %" for strain in strains)
        shown += list(zip(words, tracked(disc, method, strains), strict=True)) if strains else []
        for displacement, estimate in shown:
            found = (reconstructed(estimate, disc, "gauss-newton", tv_weight=weight) for weight in weights)
            cells = "".join(f" {ratio / disc.ratio:.3f} ({modulus.misfit[-1]:.2f}) |" for ratio, modulus in found)
            say(f"| {disc.ratio:g} | {displacement} |{cells}")


def drawn_discs(method: str, seeds: Iterable[int], strains: tuple[float, ...]) -> None:
    """Write found / true of drawn discs, and how far off each method is in all."""
    names = ELASTICITY_METHODS.names()
    say(f"| seed | true ratio | radius (mm) | RF (dB) | strain |{''.join(f' {name} |' for name in names)} misfit |")
    say(f"|---|---|---|---|---|{'---|' * len(names)}---|")
    every: dict[str, list[float]] = defaultdict(list)
    for disc in map(Disc.drawn, seeds):
        start = f"| {disc.seed} | {disc.ratio:.3g} | {1e3 * disc.radius_m:.1f} | {disc.snr_db:.0f} |"
        for strain, estimate in zip(strains, tracked(disc, method, strains), strict=True):
            found = {name: reconstructed(estimate, disc, name) for name in names}
            shares = {name: ratio / disc.ratio for name, (ratio, _) in found.items()}
            for name, share in shares.items():
                every[name].append(share)
            values = "".join(f" {share:.3f} |" for share in shares.values())
            say(f"{start} {100 * strain:g} % |{values} {found['gauss-newton'][1].misfit[-1]:.2f} |")
    say("\n| method | median of found / true | smallest | largest | median factor off | largest factor off |")
    say("|---|---|---|---|---|---|")
    for name, shares in every.items():
        factors = np.exp(np.abs(np.log(shares)))
        say(
            f"| {name} | {np.median(shares):.3f} | {min(shares):.3f} | {max(shares):.3f} "
            f"| {np.median(factors):.3f} | {factors.max():.3f} |"
        )


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default=default_method())
    parser.add_argument("--ratios", type=float, nargs="+", default=RATIOS)
    parser.add_argument("--strains", type=float, nargs="*", default=STRAINS)
    parser.add_argument("--drawn", type=int, nargs="+", metavar="SEED")
    parser.add_argument("--noise", type=float, nargs=2, metavar=("SNR_DB", "CORRELATION"))
    parser.add_argument("--seed", type=int, default=TUNED_SEED)
    parser.add_argument("--tv-weights", type=float, nargs="+", default=[20.0])
    chosen = parser.parse_args()
    if chosen.noise:
        snr_db, correlation = chosen.noise
        discs = (Disc(ratio, snr_db=snr_db, seed=chosen.seed, correlation=correlation) for ratio in chosen.ratios)
        noisy_discs(chosen.method, discs, tuple(chosen.strains), tuple(chosen.tv_weights))
    elif chosen.drawn:
        drawn_discs(chosen.method, chosen.drawn, tuple(chosen.strains))
    else:
        fixed_discs(chosen.method, chosen.ratios, tuple(chosen.strains))


if __name__ == "__main__":
    main()
