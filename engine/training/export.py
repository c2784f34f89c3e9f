"""From a run to weights in the box: the best weights with a card that says how they came about."""

from pathlib import Path

from engine.errors import WeightsError
from engine.networks.base import build
from engine.networks.weights import save
from engine.training import checkpoint
from engine.training.config import TrainingConfig
from engine.training.initial import fill, weights_folder
from engine.training.loop import BEST


def export_weights(config: TrainingConfig, output: Path, name: str) -> Path:
    """Write a run's best weights and their card to `resources/weights/<name>.safetensors`; return the path."""
    best = output / BEST
    if not best.exists():
        raise WeightsError(f"{output}: no validated weights yet, so nothing to export")
    state = checkpoint.load(best)
    network = build(config.run.network, config.architecture)
    fill(network, state["weights"], best.name)
    path = weights_folder() / f"{name}.safetensors"
    save(network, card_fields(config, state["iteration"], state["scores"]), path)
    return path


def card_fields(config: TrainingConfig, iteration: int, scores: dict[str, float]) -> dict[str, object]:
    """Return what a card says of the training: supervised or not, the recipe, and the scores on the validation set."""
    supervised = [phase.name for phase in config.phases if phase.loss.supervised]
    without = [phase.name for phase in config.phases if not phase.loss.supervised]
    manner = "supervised on simulated truth" if supervised else "unsupervised"
    if supervised and without:
        manner = "supervised start on simulated truth, then unsupervised"
    return {
        "training": manner,
        "recipe": config.as_dict(),
        "iterations": iteration,
        "scores": {"training validation set": scores},
    }
