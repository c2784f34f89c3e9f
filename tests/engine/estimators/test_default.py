import pytest

from engine.estimators import default
from engine.estimators.base import ESTIMATORS
from engine.estimators.default import NON_PROPORTIONAL, SCORE


def ranked(monkeypatch: pytest.MonkeyPatch, scores: dict[str, dict[str, float]]) -> str:
    monkeypatch.setattr(default, "method_scores", lambda: scores)
    return default.default_method()


def test_without_scores_it_is_plain_correlation(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ranked(monkeypatch, {}) == "ncc"


def test_the_lowest_strain_error_wins_among_those_that_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    glue = ESTIMATORS.get("glue")
    scores = {
        "ncc": {"strain_rmse_percent": 0.2},
        "glue": {"strain_rmse_percent": 0.1},
        "unheard-of": {"strain_rmse_percent": 0.0},
        "unscored": {"cnr": 99.0},
    }
    assert ranked(monkeypatch, scores) == "glue"
    monkeypatch.setattr(type(glue), "unavailable", lambda self: "no weights")
    assert ranked(monkeypatch, scores) == "ncc"


def test_among_equals_a_method_without_memory_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(ESTIMATORS.get("musse-net")), "unavailable", lambda self: None)

    def chosen(musse_net: float) -> str:
        return ranked(monkeypatch, {"glue": {SCORE: 0.1}, "musse-net": {SCORE: musse_net}, "ncc": {SCORE: 0.2}})

    assert chosen(0.0995) == "glue"
    assert chosen(0.095) == "musse-net"


@pytest.mark.parametrize(("ratio", "chosen"), [(None, "glue"), (1.03, "glue"), (0.97, "glue-stack")])
def test_a_method_of_the_whole_recording_must_hold_without_a_common_pattern(
    monkeypatch: pytest.MonkeyPatch, ratio: float | None, chosen: str
) -> None:
    stack = {SCORE: 0.05} if ratio is None else {SCORE: 0.05, NON_PROPORTIONAL: ratio}
    assert ranked(monkeypatch, {"glue": {SCORE: 0.1}, "glue-stack": stack}) == chosen


def test_the_default_is_a_method_that_can_run() -> None:
    assert ESTIMATORS.get(default.default_method()).unavailable() is None
