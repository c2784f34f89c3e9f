"""What there is to choose from: estimators, strain filters, preparation, elasticity, adaptation, and all their keys."""

from typing import Any

from engine.elasticity.base import ELASTICITY_METHODS
from engine.estimators.base import ESTIMATORS, Estimator
from engine.estimators.default import SCORED_ON, default_method, method_scores
from engine.parameters import Parameters
from engine.pipeline import Preparation
from engine.strain.base import STRAIN_METHODS, StrainMethod


def methods() -> dict[str, Any]:
    """List all that can be chosen, as plain values.

    Returns
    -------
    dict
        `default`, the estimator that runs when none is named; `methods`, `strain`, `preparation`, `elasticity` and
        `adaptation`, each a list of entries with `name`, `title`, `prefix` of its keys and `parameters`; `scored_on`,
        what the scores of methods are; `failures`, what could not be loaded, with the reason.

    >>> found = methods()
    >>> [entry["name"] for entry in found["strain"]][0], found["preparation"][0]["parameters"][0]["name"]
    ('least-squares', 'prealign')
    """
    scores = method_scores()
    return {
        "default": default_method(),
        "scored_on": SCORED_ON,
        "methods": [_estimator(entry, scores.get(entry.name, {})) for entry in ESTIMATORS],
        "strain": [
            {**_entry(entry.name, entry.title, entry.Params, "strain."), **_able(entry)} for entry in STRAIN_METHODS
        ],
        "preparation": [_entry("preparation", "What happens to the RF first", Preparation, "prepare.")],
        "elasticity": [_entry(entry.name, entry.title, entry.Params) for entry in ELASTICITY_METHODS],
        "adaptation": [_entry("adapt", "Adaptation of a network to a recording", _adaptation())],
        "failures": {**ESTIMATORS.failures(), **STRAIN_METHODS.failures(), **ELASTICITY_METHODS.failures()},
    }


def _estimator(estimator: Estimator[Any], scores: dict[str, float]) -> dict[str, Any]:
    from engine.networks.weights import fitting

    card = estimator.card()
    return {
        **_entry(estimator.name, estimator.title, estimator.Params),
        "kind": estimator.kind,
        **_able(estimator),
        "weights": None if card is None else {"name": card.name, "sha256": card.sha256, "scores": card.scores},
        "other_weights": [] if card is None else [name for name in fitting(card.network) if name != card.name],
        "scores": scores,
    }


def _able(method: Estimator[Any] | StrainMethod[Any]) -> dict[str, Any]:
    reason = method.unavailable()
    return {"available": reason is None, "reason": reason or ""}


def _entry(name: str, title: str, kind: type[Parameters], prefix: str = "") -> dict[str, Any]:
    return {"name": name, "title": title, "prefix": prefix, "parameters": _parameters(kind)}


def _parameters(kind: type[Parameters]) -> list[dict[str, Any]]:
    return [
        {
            "name": entry.name,
            "type": entry.kind.__name__,
            "default": entry.default,
            "unit": entry.unit,
            "minimum": entry.minimum,
            "maximum": entry.maximum,
            "choices": entry.choices,
            "help": entry.help,
        }
        for entry in kind.describe()
    ]


def _adaptation() -> type[Parameters]:
    from engine.training.adapt import AdaptSettings

    return AdaptSettings
