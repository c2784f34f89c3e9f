"""Maps and cross-sections of the elasticity experiment, like figures 2 and 3 of the paper."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from engine.elasticity.common.forward_model import Vector
from engine.evaluation.papers.elasticity_experiment import SIDE_M, Case


def save_cross_sections(case: Case, maps: Mapping[str, Vector], path: Path) -> None:
    """Draw truth and each method's map above one cross-section through the inclusion's middle row, as PNG."""
    outside = ~case.inclusion
    shown = {"truth": case.modulus, **maps}
    shown = {name: image / np.median(image[outside]) for name, image in shown.items()}
    highest = 1.2 * float(shown["truth"].max())
    row = round(float(np.nonzero(case.inclusion)[0].mean()))
    side_mm = SIDE_M * 1e3
    figure = Figure(figsize=(2.4 * len(shown), 4.6), layout="constrained")
    axes = figure.subplot_mosaic([list(shown), ["section"] * len(shown)], height_ratios=[1.2, 1])
    for name, image in shown.items():
        drawn = axes[name].imshow(image, vmin=0, vmax=highest, extent=(0, side_mm, side_mm, 0), cmap="viridis")
        axes[name].axhline(side_mm * row / (image.shape[0] - 1), color="white", linewidth=0.8, linestyle="--")
        axes[name].set(title=name, xlabel="Lateral (mm)")
        axes["section"].plot(
            np.linspace(0, side_mm, image.shape[1]), image[row], label=name, linewidth=2 if name == "truth" else 1
        )
    axes["truth"].set_ylabel("Depth (mm)")
    figure.colorbar(drawn, ax=[axes[name] for name in shown], label="Relative modulus")
    axes["section"].set(xlabel="Lateral (mm)", ylabel="Relative modulus", ylim=(0, highest))
    axes["section"].legend(ncols=len(shown), fontsize="small")
    figure.savefig(path, dpi=150)
