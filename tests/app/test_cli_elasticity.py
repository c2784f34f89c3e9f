import json
from pathlib import Path

import pytest

from app.cli import main
from engine.elasticity.base import ELASTICITY_METHODS

TARGET = ["--target", "-2.5,6,1.5,2"]
REFERENCE = ["--reference", "2.5,6,1.5,2"]


@pytest.mark.parametrize("method", ["strain-inverse", "gauss-newton", "statistical", "red"])
def test_a_uniform_medium_has_one_modulus(method: str, result_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["elasticity", str(result_file), "--method", method, *TARGET, *REFERENCE, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["frame"] == 3
    ratio = facts["modulus_ratio"]
    assert ratio["value"] == pytest.approx(1.0, abs=0.15)
    if method in ("statistical", "red"):
        assert (ratio["range_kind"], ratio["low"], ratio["high"]) == ("", None, None)
    else:
        assert ratio["range_kind"] == "method-factor"
        assert ratio["high"] / ratio["value"] == pytest.approx(ELASTICITY_METHODS.get(method).error_factor)


def test_every_method_is_registered() -> None:
    assert set(ELASTICITY_METHODS.names()) == {"strain-inverse", "gauss-newton", "statistical", "red"}
    assert ELASTICITY_METHODS.failures() == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*REFERENCE, "--method", "magic"], "no elasticity method is called 'magic'"),
        (["--reference", "90,6,1,1"], "reference ellipse holds no pixel"),
        ([*REFERENCE, "--set", "tv_weight=-1"], "tv_weight"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, result_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["elasticity", str(result_file), *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
