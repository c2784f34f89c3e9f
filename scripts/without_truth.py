"""Networks trained without any truth, three seeds each: `python scripts/without_truth.py FOLDER [--minutes M]`.

The central claim of the MUSSE-Net paper put to the test with the recipe `resources/training/without-truth.toml`: RF of
phantoms 1 to 10 of its protocol is simulated and written without truth, so that none can take part; USENet, ReUSENet,
USSE-Net, and MUSSE-Net on the same seed's USSE-Net as its frozen first stage are trained from it, and at last USSE-Net
without bulk alignment. Stopped, it goes on where it was; what was trained is not trained again. Measure the weights
with `scripts/measure_without_truth.py FOLDER`.
"""

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

import torch

from engine.simulation.protocols import protocol
from engine.simulation.write import write_recording
from engine.training.config import InitialSettings, TrainingConfig, load
from engine.training.data import Source
from engine.training.distributed import process_group
from engine.training.export import save_best
from engine.training.loop import Status, Trainer
from engine.training.sources import training_and_validation_sources

RECIPE = Path(__file__).parents[1] / "resources" / "training" / "without-truth.toml"
PROTOCOL, SEED = "tehrani-rivaz", 0
PHANTOMS = tuple(range(1, 11))
"""Neither validation (19 to 21) nor test phantoms (22 to 25); the last two are held out to choose the weights."""
NETWORKS = ("usenet", "reusenet", "usse-net", "musse-net")
UNALIGNED = "usse-net-unaligned"
AS_PRINTED = {"interpolation": "paper", "update": "add"}
"""Stages joined as the paper prints it."""
ATTENTION = {"usse-net": {"tca_layout": "spatial"}, "musse-net": {"tca_layout": "spatial", **AS_PRINTED}}
"""Of those that have it; what `resources/papers.md` shows was trained before the axial one became the default."""
SEEDS = (1, 2, 3)


def main() -> None:
    """Simulate what is not there yet, train what is not trained yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=math.inf, help="Longest time of one training")
    parser.add_argument("--recipe", type=Path, default=RECIPE, help="Another recipe, in a folder of its own")
    parser.add_argument("--network", action="append", choices=NETWORKS, help="Only this network; can be repeated")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), choices=SEEDS, help="How many seeds")
    chosen = parser.parse_args()
    simulate(chosen.folder / "rf")
    recipe = load(chosen.recipe)
    recipe = replace(recipe, data=replace(recipe.data, path=str((chosen.folder / "rf").resolve())))
    sources = training_and_validation_sources(recipe, torch.device("cpu"))
    for seed in SEEDS[: chosen.seeds]:
        for network in chosen.network or NETWORKS:
            first = str(weights_of(chosen.folder, "usse-net", seed).resolve()) if network == "musse-net" else ""
            config = replace(recipe, run=replace(recipe.run, network=network, seed=seed))
            architecture = {**config.architecture, **ATTENTION.get(network, {})}
            config = replace(config, initial=InitialSettings(first_stage=first), architecture=architecture)
            train(config, sources, weights_of(chosen.folder, network, seed), chosen.minutes)
    if chosen.network:
        return
    architecture = {**recipe.architecture, **ATTENTION["usse-net"]}
    config = replace(recipe, data=replace(recipe.data, prealign=False), architecture=architecture)
    sources = training_and_validation_sources(config, torch.device("cpu"))
    train(config, sources, weights_of(chosen.folder, UNALIGNED, SEEDS[0]), chosen.minutes)


def weights_of(folder: Path, network: str, seed: int) -> Path:
    """Return where the weights of one training lie."""
    return folder / f"{network}-{seed}" / "weights.safetensors"


def simulate(folder: Path) -> None:
    """Write the RF of the phantoms, without truth."""
    folder.mkdir(parents=True, exist_ok=True)
    made = protocol(PROTOCOL)
    missing = [number for number in PHANTOMS if not (folder / f"{number:02d}.h5").exists()]
    for number, _, recording in made.recordings(tuple(missing), SEED, draws=1):
        write_recording(folder / f"{number:02d}.h5", recording.sequence(), with_truth=False)
        _say(f"simulated phantom {number}")


def train(config: TrainingConfig, sources: tuple[Source, Source], path: Path, minutes: float) -> None:
    """Train in the folder of `path`, or go on; then write the weights with their card."""
    if path.exists():
        return
    torch.set_num_threads(config.run.threads)
    with process_group("cpu") as group:
        outcome = Trainer(config, path.parent, group, sources).run(_report, lambda: False, minutes)
    if outcome.best is None:
        _say(f"{path.parent.name}: stopped before the first validation")
        return
    save_best(config, outcome.best, path)
    _say(
        f"{path.parent.name}: {outcome.iteration} iterations in {outcome.seconds:.0f} s, best {outcome.best_score:.4f}"
    )


def _report(status: Status) -> None:
    similarity = "" if status.scores is None else f", similarity {status.scores.similarity:.4f}"
    _say(f"{status.iteration} loss {status.loss:.4f}, {status.rate_per_s:.2f} it/s{similarity}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
