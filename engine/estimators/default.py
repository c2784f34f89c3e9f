"""The method that runs when nobody names one: the best of those that can run, by their scores on noisy data."""

import json
import math
from importlib.resources import files
from typing import Any

from engine.estimators.base import ESTIMATORS, Estimator, RecordingEstimator

FALLBACK = "ncc"
SCORE = "strain_rmse_percent"
SCORED_ON = "root mean square error of strain, mean over the frames of the noisy validation set (`validation-noisy`)"
NON_PROPORTIONAL = "non_proportional_worst_ratio"
"""Largest ratio, over the applied strains, of mean strain errors to GLUE's on the evaluation set `non-proportional`."""
ALLOWED = 1.02
EQUAL = 1.01
"""Scores up to this ratio apart count as equal: the set is of 32 frames."""


def default_method() -> str:
    """Name of the method with the lowest strain error on the noisy validation set that can run here.

    A method of the whole recording must also have held where frames show no common pattern (`_holds`). Among equals
    it is one that takes each pair on its own: any frame can be estimated without those before it. The scores are
    those of `resources/weights/scores.json`; without that file it is plain correlation tracking.
    """
    scores = {name: entry[SCORE] for name, entry in method_scores().items() if SCORE in entry}
    known = set(ESTIMATORS.names()) if scores else set()
    able = {name for name in scores if name in known and ESTIMATORS.get(name).unavailable() is None and _holds(name)}
    if not able:
        return FALLBACK
    least = min(scores[name] for name in able)
    return min(able, key=lambda name: _rank(scores[name], least, ESTIMATORS.get(name)))


def _holds(name: str) -> bool:
    """Whether a method errs little more than GLUE on frames without a common pattern, at every applied strain.

    Methods that take each pair on its own have nothing to lose there; one that was not measured there has not held.
    """
    together = isinstance(ESTIMATORS.get(name), RecordingEstimator)
    return not together or method_scores()[name].get(NON_PROPORTIONAL, math.inf) <= ALLOWED


def _rank(score: float, least: float, method: Estimator[Any]) -> tuple[bool, bool, float]:
    return score > EQUAL * least, method.is_recurrent(method.Params()), score


def method_scores() -> dict[str, dict[str, float]]:
    """Scores of each method on the noisy validation set, by method name; empty where none are kept."""
    source = files("resources") / "weights" / "scores.json"
    if not source.is_file():
        return {}
    methods: dict[str, dict[str, float]] = json.loads(source.read_text(encoding="utf-8"))["methods"]
    return methods
