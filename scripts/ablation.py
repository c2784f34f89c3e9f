"""The networks step by step, each with the same recipe and budget: `python scripts/ablation.py FOLDER [--attention]`.

Redoes Table 2 of the MUSSE-Net paper (baseline, new encoder, new decoder, second stage), with USENet before it, at a
budget that a workstation's core trains in an hour; measured in paper mode on the validation phantoms. Stopped, it goes
on where it was; what was trained is not trained again. With --attention the variants are the three readings of
USSE-Net's tri-cross attention instead, which the paper's words leave open.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median

from engine.device import choose_device
from engine.estimators.base import ESTIMATORS
from engine.evaluation.evaluate import ORACLE, evaluate
from engine.evaluation.sets import evaluation_set
from engine.pipeline import Settings
from engine.strain.base import STRAIN_METHODS
from engine.training.config import InitialSettings, TrainingConfig, load
from engine.training.export import save_best
from engine.training.loop import train

RECIPE = Path(__file__).parents[1] / "resources" / "training" / "ablation.toml"
SET = "tehrani-rivaz-validation"
PAPER_WINDOW_M = 5.5e-3
COLUMNS = ("snr_target", "snr_background", "cnr", "snre", "nrmse_percent", "strain_rmse_percent")
VARIANTS = {
    "USENet": ("usenet", {}),
    "a) baseline, ReUSENet": ("reusenet", {}),
    "b) a + CACFF + TCA": ("usse-net", {"fusion": "additive", "tca_layout": "spatial"}),
    "c) USSE-Net, b + CAF": ("usse-net", {"tca_layout": "spatial"}),
    "d) MUSSE-Net, c + second stage": ("musse-net", {"tca_layout": "spatial"}),
}
ATTENTION = {f"{layout} attention": ("usse-net", {"tca_layout": layout}) for layout in ("spatial", "channel", "axial")}


def main() -> None:
    """Train what is not trained yet, measure all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--attention", action="store_true", help="The readings of tri-cross attention")
    chosen = parser.parse_args()
    variants = ATTENTION if chosen.attention else VARIANTS
    output: Path = chosen.folder
    first_stage = ""
    stored = {}
    for title, (network, architecture) in variants.items():
        config = _config(network, architecture, first_stage if network == "musse-net" else "")
        stored[title] = _trained(config, output / title.split(",")[0].replace(" ", "-").replace(")", ""))
        if network == "usse-net":
            first_stage = str(stored[title].resolve())
    _say("| | " + " | ".join(COLUMNS) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|")
    for title, path in stored.items():
        _measure(title, variants[title][0], path)


def _config(network: str, architecture: dict[str, str], first_stage: str) -> TrainingConfig:
    recipe = load(RECIPE)
    initial = InitialSettings(first_stage=first_stage)
    return replace(recipe, run=replace(recipe.run, network=network), architecture=architecture, initial=initial)


def _trained(config: TrainingConfig, folder: Path) -> Path:
    """Train in a folder, or go on; return the weights with their card."""
    outcome = train(config, folder, lambda status: _say(f"{folder.name} {status.iteration} {status.loss:.3f}"))
    assert outcome.best is not None
    path = folder / "weights.safetensors"
    save_best(config, outcome.best, path)
    return path


def _measure(title: str, method: str, weights: Path) -> None:
    """Print medians over all frames and strain levels, the oracle's too."""
    least_squares = STRAIN_METHODS.get("least-squares").Params.from_text({"window_m": str(PAPER_WINDOW_M)})
    plain = {"equalise": "false", "mirrored": "false", "smoothing_m": "0"}  # as they are trained here, and in the paper
    parameters = ESTIMATORS.get(method).Params.from_text({"weights": str(weights), **plain})
    settings = Settings(method, parameters, strain_method="least-squares", strain_parameters=least_squares)
    found = evaluate(evaluation_set(SET).cases(), [settings], choose_device("auto"))
    for name in (method, ORACLE):
        values = [median(row.values[column] for row in found.rows if row.method == name) for column in COLUMNS]
        _say(f"| {title if name == method else ORACLE} | " + " | ".join(f"{value:.4g}" for value in values) + " |")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
