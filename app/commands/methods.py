"""`strainscope methods`: every estimator with its parameters, weights and scores."""

from typing import Any

from app.commands._output import echo, echo_columns, echo_json
from app.commands._shared import AsJson


def methods(as_json: AsJson = False) -> None:
    """List every estimator: name, kind, parameters, weights and their scores."""
    from engine.estimators.base import ESTIMATORS
    from engine.estimators.default import default_method, method_scores

    default, scores = default_method(), method_scores()
    listed = [_facts(name, scores.get(name, {})) for name in ESTIMATORS.names()]
    if as_json:
        echo_json({"default": default, "methods": listed, "failures": ESTIMATORS.failures()})
        return
    for facts in listed:
        _show(facts, is_default=facts["name"] == default)
    for module, reason in ESTIMATORS.failures().items():
        echo(f"{module}: cannot be loaded ({reason})")


def _facts(name: str, scores: dict[str, float]) -> dict[str, Any]:
    from engine.estimators.base import ESTIMATORS
    from engine.networks.weights import available

    estimator = ESTIMATORS.get(name)
    reason, card = estimator.unavailable(), estimator.card()
    stored = [entry.name for entry in available().values() if card is not None and entry.network == card.network]
    return {
        "name": name,
        "title": estimator.title,
        "kind": estimator.kind,
        "available": reason is None,
        "reason": reason or "",
        "parameters": [
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
            for entry in estimator.Params.describe()
        ],
        "weights": None if card is None else {"name": card.name, "sha256": card.sha256, "scores": card.scores},
        "other_weights": [entry for entry in stored if card is not None and entry != card.name],
        "scores": scores,
    }


def _show(facts: dict[str, Any], *, is_default: bool) -> None:
    marks = [facts["kind"], *(["default"] if is_default else [])]
    echo(f"{facts['name']}: {facts['title']} ({', '.join(marks)})")
    if not facts["available"]:
        echo(f"  cannot run: {facts['reason']}")
    if facts["weights"]:
        echo(f"  weights {facts['weights']['name']}, SHA-256 {facts['weights']['sha256'][:16]}...")
    if facts["other_weights"]:
        echo(f"  other weights {', '.join(facts['other_weights'])}")
    if facts["scores"]:
        echo("  scores " + ", ".join(f"{name} {value:.4g}" for name, value in facts["scores"].items()))
    echo_columns([_parameter_row(entry) for entry in facts["parameters"]], indent="  ")
    echo()


def _parameter_row(entry: dict[str, Any]) -> list[str]:
    limits = " | ".join(entry["choices"])
    if entry["minimum"] is not None or entry["maximum"] is not None:
        ends = ("" if end is None else f"{end:g}" for end in (entry["minimum"], entry["maximum"]))
        limits = " to ".join(ends)
    unit = f" {entry['unit']}" if entry["unit"] else ""
    return [f"{entry['name']} = {entry['default']}{unit}", limits, entry["help"]]
