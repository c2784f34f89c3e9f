"""From a run to weights in the box: the best weights with a card that says how they came about."""

import json
import math
import re
import subprocess
from pathlib import Path

import engine
from engine.errors import ParameterError, WeightsError
from engine.networks.base import build
from engine.networks.weights import WeightsCard, folder, save, user_folder
from engine.training import checkpoint
from engine.training.config import TrainingConfig
from engine.training.initial import fill
from engine.training.loop import BEST


def export_weights(config: TrainingConfig, output: Path, name: str, *, in_box: bool = False) -> Path:
    """Write a run's best weights and their card to `<name>.safetensors` in the user's folder; return the path.

    With `in_box` they go to `resources/weights`, as those that ship with the program do. A name of weights in the box
    is never taken for others.
    """
    best = output / BEST
    if not best.exists():
        raise WeightsError(f"{output}: no validated weights yet, so nothing to export")
    path = _place(name, config, in_box=in_box)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_best(config, best, path)
    return path


def save_best(config: TrainingConfig, best: Path, path: Path) -> None:
    """Write the weights of a run's `best` file and their card to `path`, anywhere."""
    state = checkpoint.load(best)
    network = build(config.run.network, config.architecture)
    fill(network, state["weights"], best.name)
    save(network, card_fields(config, state["iteration"], state["scores"]), path, half=config.run.export_half)


def _place(name: str, config: TrainingConfig, *, in_box: bool) -> Path:
    """Return the file of weights called `name`; only those of this very configuration are ever replaced."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
        raise ParameterError(f"export: {name!r} is no name of weights: letters, digits, and . _ + - between them")
    recipe = json.loads(json.dumps(config.as_dict()))
    places = [place / f"{name}.safetensors" for place in (folder(), user_folder())]
    if any(path.exists() and WeightsCard.read(path).recipe != recipe for path in places):
        raise WeightsError(f"there are weights called {name}, of another training: names never change their meaning")
    return places[0] if in_box else places[1]


def card_fields(config: TrainingConfig, iteration: int, scores: dict[str, float]) -> dict[str, object]:
    """Return what a card says of the training: supervised or not, the recipe, and the scores on the validation set."""
    return {
        "training": manner(config, iteration),
        "recipe": config.as_dict(),
        "data": {
            "simulated": "simulated on the fly, protocol " + str(config.crops.get("protocol", "free")),
            "folder": "simulated files with truth",
            "recordings": "real recordings without truth",
        }[config.data.source],
        "seed": config.run.seed,
        "prealigned": config.data.prealign,
        "commit": program_commit(),
        "iterations": iteration,
        "hardware": f"{config.run.device}, {config.run.threads} thread(s)",
        "scores": {"training-validation": {name: value for name, value in scores.items() if not math.isnan(value)}},
    }


def program_commit() -> str:
    """Name the commit of the program's own checkout; empty for an installed program or where git is missing."""
    root = Path(engine.__file__).parents[1]
    if not (root / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return found.stdout.strip()


def manner(config: TrainingConfig, iteration: int) -> str:
    """Say in a few words whether truth took part, up to an iteration: in the loss, or around it.

    Of simulated sequences the true motion decides alignment, crops, mask and the best weights, whatever the loss.
    """
    last, _, _ = config.phase_at(max(iteration - 1, 0))
    done = [phase.loss.supervised for phase in config.phases[: last + 1]]
    if not any(done):
        if config.data.source == "recordings":
            return "without truth"
        return "unsupervised loss; truth in alignment, crops, mask and the choice of the weights"
    return "supervised on simulated truth" if all(done) else "supervised start on simulated truth, then unsupervised"
