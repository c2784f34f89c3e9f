"""Modulus ratio of target to background on simulated RF of known stiffness, found / true, as a Markdown table.

    python tests/benchmarks/benchmark_elasticity.py [--method NAME] [--recordings N] [--oracle]

Phantoms of the set `tehrani-rivaz-validation` at 1.5, 2 and 3 % strain; displacement by the product's default method
or by --method. `--oracle` adds the rows that start from the true displacement: what the elasticity method alone errs.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch

from engine.elasticity.base import ELASTICITY_METHODS, modulus_ratio
from engine.estimators.default import default_method
from engine.evaluation.sets import EvaluationCase, evaluation_set
from engine.pipeline import Settings, run
from engine.types import Displacement, FrameEstimate, Strain

SET = "tehrani-rivaz-validation"
STRAINS = (0.015, 0.02, 0.03)
METHODS = ("strain-inverse", "gauss-newton")


def estimates(case: EvaluationCase, method: str, frames: tuple[int, ...]) -> Iterator[FrameEstimate]:
    """Estimate the frames, or take them from the truth where the method is called `oracle`."""
    if method != "oracle":
        yield from run(case.sequence, Settings(method, frames=frames), torch.device("cpu"))
        return
    geometry = case.sequence.geometry
    for frame in frames:
        truth = case.truth.read_frame(frame)
        motion = Displacement(truth.axial_displacement_m, truth.lateral_displacement_m, geometry)
        strain = Strain(truth.axial_strain, geometry, 2e-3)
        yield FrameEstimate(0, frame, motion, strain, np.full_like(truth.axial_strain, 0.999))


def true_ratio(case: EvaluationCase) -> float:
    """Ratio of the median moduli in the two ellipses that every method is measured with."""
    assert case.target is not None
    assert case.background is not None
    shape, geometry = case.sequence.shape[1:], case.sequence.geometry
    target, background = (
        np.median(case.truth.youngs_modulus_pa[region.mask(shape, geometry)])
        for region in (case.target, case.background)
    )
    return float(target / background)


def found_over_true(case: EvaluationCase, displacement: str) -> Iterator[tuple[float, str, float]]:
    """Yield strain, elasticity method, and the ratio found over the true one."""
    assert case.background is not None
    assert case.target is not None
    wanted = {case.levels.index(strain) + 1: strain for strain in STRAINS}
    true = true_ratio(case)
    for estimate in estimates(case, displacement, tuple(wanted)):
        for name in METHODS:
            method = ELASTICITY_METHODS.get(name)
            modulus = method.reconstruct(estimate, case.background, method.Params())
            yield wanted[estimate.deformed_frame], name, modulus_ratio(modulus, case.target).value / true


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default=default_method())
    parser.add_argument("--recordings", type=int, default=6)
    parser.add_argument("--oracle", action="store_true")
    chosen = parser.parse_args()
    say(f"Modulus ratio target / background, found / true; set {SET}\n")
    say(f"| recording | true ratio | displacement | method |{''.join(f' {100 * s:g} % |' for s in STRAINS)}")
    say(f"|---|---|---|---|{'---|' * len(STRAINS)}")
    every: dict[tuple[str, str], list[float]] = defaultdict(list)
    for case in islice(evaluation_set(SET).cases(), chosen.recordings):
        for displacement in (chosen.method, "oracle")[: 1 + chosen.oracle]:
            found: dict[str, dict[float, float]] = defaultdict(dict)
            for strain, name, ratio in found_over_true(case, displacement):
                found[name][strain] = ratio
                every[displacement, name].append(ratio)
            for name, values in found.items():
                shown = "".join(f" {values[strain]:.3f} |" for strain in STRAINS)
                say(f"| {case.name} | {true_ratio(case):.3f} | {displacement} | {name} |{shown}")
    say("\n| displacement | method | median of found / true | smallest | largest |\n|---|---|---|---|---|")
    for (displacement, name), ratios in every.items():
        say(f"| {displacement} | {name} | {np.median(ratios):.3f} | {min(ratios):.3f} | {max(ratios):.3f} |")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
