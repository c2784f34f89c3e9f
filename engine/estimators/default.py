"""The method that runs when nobody names one: the best of those that can run, by their scores on noisy data."""

import json
from importlib.resources import files

from engine.estimators.base import ESTIMATORS

FALLBACK = "ncc"
SCORE = "strain_rmse_percent"


def default_method() -> str:
    """Name of the method with the lowest strain error on the noisy validation set that can run here.

    The scores are those of `resources/weights/scores.json`; without that file it is plain correlation tracking.
    """
    scores = method_scores()
    ranked = sorted((name for name in scores if SCORE in scores[name]), key=lambda name: scores[name][SCORE])
    known = ESTIMATORS.names() if ranked else ()
    return next((name for name in ranked if name in known and ESTIMATORS.get(name).unavailable() is None), FALLBACK)


def method_scores() -> dict[str, dict[str, float]]:
    """Scores of each method on the noisy validation set, by method name; empty where none are kept."""
    source = files("resources") / "weights" / "scores.json"
    if not source.is_file():
        return {}
    methods: dict[str, dict[str, float]] = json.loads(source.read_text(encoding="utf-8"))["methods"]
    return methods
