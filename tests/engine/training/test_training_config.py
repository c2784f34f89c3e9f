from pathlib import Path

import pytest

from engine.errors import ParameterError, ReadError
from engine.simulation.crops import CropSettings
from engine.training.config import build, load, parse

RECIPES = sorted((Path(__file__).parents[3] / "resources" / "training").glob("*.toml"))
PHASE = '[[phases]]\nname = "start"\niterations = 10\n'


def test_there_is_a_recipe_for_every_network() -> None:
    assert {"usenet", "reusenet", "usse-net", "musse-net"} <= {load(path).run.network for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_valid(path: Path) -> None:
    config = load(path)
    build(CropSettings, config.crops, "crops")
    assert config.iterations > 0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[run]\nnetwrok = 'usenet'\n" + PHASE, "unknown key netwrok"),
        ("speed = 3\n" + PHASE, "unknown key speed"),
        ("folder = '/'\n" + PHASE, "unknown key folder"),
        (PHASE + "loss = { similarty = 1.0 }\n", "unknown key similarty"),
        ("[run]\nthreads = 'two'\n" + PHASE, "expected int, found 'two'"),
        ("[run]\nthreads = 0\n" + PHASE, "threads"),
        ("[run]\ndevice = 'tpu'\n" + PHASE, "auto, cpu, cuda"),
        ("[data]\nmirror = 1\n" + PHASE, "expected bool"),
        ("run = 3\n" + PHASE, "expected a table"),
        ("phases = 3\n", "expected a list of tables"),
        ("", "phases"),
        (PHASE.replace("10", "0"), "must be positive"),
        (PHASE + "learning_rate = nan\n", "must be finite"),
        ("[data]\nheight = 104\n" + PHASE, "104 rows do not hold the loss's strain window of 105"),
        (PHASE + "height = 64\n", "64 rows"),
        (PHASE + "height = 200\nloss = { tall_strain = 1.0 }\n", "strain window of 287"),
        ("[data]\nsource = 'folder'\n" + PHASE, "data.path"),
        ("[data]\nsource = 'recordings'\npath = 'x'\n" + PHASE + "loss = { endpoint = 1.0 }\n", "no truth"),
    ],
)
def test_a_mistake_is_one_clear_line(text: str, complaint: str) -> None:
    with pytest.raises(ParameterError, match=complaint):
        parse(text)


def test_what_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("run = [")
    with pytest.raises(ReadError, match="not TOML"):
        load(tmp_path / "bad.toml")
    with pytest.raises(ReadError, match="cannot be read"):
        load(tmp_path / "absent.toml")


def test_difficulty_grows_through_each_phase() -> None:
    text = "[[phases]]\niterations = 11\nstart = {{ max_strain = {} }}\nend = {{ max_strain = {} }}\n"
    config = parse(text.format(0.01, 0.03) + text.format(0.03, 0.05))
    strains = [config.difficulty_at(iteration).max_strain for iteration in (0, 5, 10, 11, 16, 21, 99)]
    assert strains == pytest.approx([0.01, 0.02, 0.03, 0.03, 0.04, 0.05, 0.05])
    assert config.phase_at(11)[0] == 1
    assert config.iterations == 22


def test_whole_numbers_do_for_real_ones() -> None:
    assert parse(PHASE + "learning_rate = 1\n").phases[0].learning_rate == 1.0


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 5000, "a = ["])
def test_what_is_no_toml_is_one_line(text: str) -> None:
    with pytest.raises(ReadError, match="is not TOML"):
        parse(text)


@pytest.mark.parametrize("line", ["threads = " + "9" * 400, "checkpoint_seconds = " + "9" * 400])
def test_a_number_of_hundreds_of_digits_is_one_line(line: str) -> None:
    with pytest.raises(ParameterError, match=r"larger than can be|finite number"):
        parse(f"[run]\nnetwork = 'usenet'\n{line}\n[[phases]]\niterations = 5\n")
