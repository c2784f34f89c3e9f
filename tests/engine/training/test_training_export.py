import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import engine
from engine.errors import ParameterError, WeightsError
from engine.networks.base import build
from engine.networks.weights import fitting, load
from engine.training import checkpoint
from engine.training.config import DataSettings, TrainingConfig, parse
from engine.training.export import export_weights, manner, program_commit
from engine.training.initial import initial_network
from engine.training.loop import BEST

TEXT = "[run]\nnetwork = 'usenet'\nseed = 5\n[architecture]\nbase_channels = 2\n"
SUPERVISED = "[[phases]]\niterations = 5\nloss = { endpoint = 1.0 }\n"
UNSUPERVISED = "[[phases]]\niterations = 5\n"
CPU = torch.device("cpu")


def config(text: str = "", folder: Path = Path()) -> TrainingConfig:
    return parse(TEXT + text + SUPERVISED + UNSUPERVISED, folder / "recipe.toml")


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run, and a box of its own for the weights."""
    monkeypatch.setattr("engine.networks.weights.folder", lambda: tmp_path / "box")
    monkeypatch.setattr("engine.training.export.folder", lambda: tmp_path / "box")
    monkeypatch.setenv("STRAINSCOPE_CONFIG", str(tmp_path / "user"))
    torch.manual_seed(0)
    weights = build("usenet", {"base_channels": 2}).state_dict()
    scores = {"strain_rmse": 0.25, "cnr": float("nan")}
    checkpoint.save({"weights": weights, "iteration": 7, "scores": scores}, tmp_path / "run" / BEST)
    return tmp_path / "run"


def test_the_best_weights_reach_the_box_with_their_card(run_folder: Path) -> None:
    path = export_weights(config(), run_folder, "usenet-v1", in_box=True)
    module, card = load("usenet")
    assert path.parent.name == "box"
    assert card.name == "usenet-v1"
    assert card.network == "usenet"
    assert card.training == "supervised start on simulated truth, then unsupervised"
    assert card.iterations == 7
    assert card.seed == 5
    assert card.recipe["run"]["network"] == "usenet"
    assert card.scores == {"training-validation": {"strain_rmse": 0.25}}
    stored = checkpoint.load(run_folder / BEST)["weights"]
    assert all(torch.equal(values, stored[name]) for name, values in module.state_dict().items())


def test_weights_of_a_user_lie_in_the_users_folder_and_are_found_by_name(run_folder: Path) -> None:
    path = export_weights(config(), run_folder, "usenet-v9")
    assert path.parent == run_folder.parent / "user" / "weights"
    _, card = load("usenet-v9")
    assert card.name == "usenet-v9"
    assert fitting("usenet") == ("usenet-v9",)
    with pytest.raises(WeightsError, match="no trained weights for usenet in the box or in"):
        load("usenet")  # a network's own name never means weights of a user


def test_the_card_names_the_commit_of_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engine, "__file__", str(tmp_path / "engine" / "__init__.py"))
    assert program_commit() == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "c"], check=True)
    shown = subprocess.run([*git, "log", "--format=%h"], check=True, capture_output=True, text=True)
    assert program_commit() == shown.stdout.strip() != ""


def test_the_manner_of_training_is_that_up_to_the_best_weights() -> None:
    assert manner(config(), 5) == "supervised on simulated truth"
    assert manner(config(), 6) == "supervised start on simulated truth, then unsupervised"
    assert manner(parse(TEXT + UNSUPERVISED), 5).startswith("unsupervised loss; truth in alignment")
    recordings = replace(parse(TEXT + UNSUPERVISED), data=DataSettings(source="recordings", path="."))
    assert manner(recordings, 5) == "without truth"


def test_nothing_is_exported_before_the_first_validation(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nothing to export"):
        export_weights(config(), tmp_path, "usenet-v1")


def test_a_run_may_start_from_weights_in_the_box_or_of_another_run(run_folder: Path) -> None:
    export_weights(config(), run_folder, "usenet-v1", in_box=True)
    stored = checkpoint.load(run_folder / BEST)["weights"]
    for name in ("usenet-v1", f"run/{BEST}", "box/usenet-v1.safetensors"):
        network = initial_network(config(f"[initial]\nweights = '{name}'\n", run_folder.parent), CPU)
        assert all(torch.equal(values, stored[key]) for key, values in network.state_dict().items())
    with pytest.raises(WeightsError):
        initial_network(config("[initial]\nweights = 'absent'\n"), CPU)


def test_weights_of_another_architecture_are_refused(run_folder: Path) -> None:
    wide = TEXT.replace("base_channels = 2", "base_channels = 4") + f"[initial]\nweights = 'run/{BEST}'\n"
    with pytest.raises(WeightsError, match="does not fit"):
        initial_network(parse(wide + SUPERVISED, run_folder.parent / "recipe.toml"), CPU)
    staged = TEXT.replace("usenet", "musse-net") + f"[initial]\nweights = 'run/{BEST}'\n"
    with pytest.raises(WeightsError, match="does not fit"):
        initial_network(parse(staged + SUPERVISED, run_folder.parent / "recipe.toml"), CPU)


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "", "..", "x\x1b"])
def test_a_name_cannot_leave_the_box(run_folder: Path, name: str) -> None:
    with pytest.raises(ParameterError, match="no name of weights"):
        export_weights(config(), run_folder, name)


def test_a_name_never_changes_its_meaning(run_folder: Path) -> None:
    for _ in range(2):  # the same training may be exported again
        path = export_weights(config(), run_folder, "usenet-v1")
    before = path.read_bytes()
    with pytest.raises(WeightsError, match="of another training"):
        export_weights(config("[optimiser]\nclip = 2.0\n"), run_folder, "usenet-v1")
    assert path.read_bytes() == before
