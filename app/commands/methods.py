"""`strainscope methods`: what there is to choose from, in a table, and every key of what is named."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from app.commands._output import echo, echo_columns, echo_json
from app.commands._shared import AsJson
from engine.errors import ParameterError

KINDS = {
    "methods": "Methods (--method)",
    "strain": "Strain filters (--strain-method)",
    "preparation": "Preparation of the RF",
    "elasticity": "Relative modulus (elasticity --method)",
    "adaptation": "Adaptation (adapt)",
}
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Show every key of these; `all` for all.")]


def methods(names: Names = None, as_json: AsJson = False) -> None:
    """List methods, strain filters, preparation and elasticity; with a name, every key of it for `--set`."""
    from engine.methods import methods as found

    listed = found()
    entries = [entry for kind in KINDS for entry in listed[kind]]
    wanted = set(names or ())
    unknown = sorted(wanted - {entry["name"] for entry in entries} - {"all"})
    if unknown:
        known = ", ".join(entry["name"] for entry in entries)
        raise ParameterError(f"nothing is called {', '.join(unknown)}; there are: {known}")
    if as_json:
        echo_json(listed)
    elif wanted:
        for entry in entries:
            if wanted & {entry["name"], "all"}:
                _show(entry, is_default=entry["name"] == listed["default"])
    else:
        _show_all(listed)
    for module, reason in listed["failures"].items() if not as_json else ():
        echo(f"{module}: cannot be loaded ({reason})")


def _show_all(listed: dict[str, Any]) -> None:
    for kind, title in KINDS.items():
        echo(title)
        columns = ([entry["name"], entry["title"], _error(entry), _mark(entry, listed)] for entry in listed[kind])
        echo_columns(list(columns), indent="  ")
        echo()
    echo(f"Percentages: {listed['scored_on']}.")
    echo("`strainscope methods NAME` lists the keys of a method, filter or `preparation`, `methods all` those of all.")


def _error(entry: dict[str, Any]) -> str:
    error = entry.get("scores", {}).get("strain_rmse_percent")
    return "" if error is None else f"{error:.3f} %"


def _mark(entry: dict[str, Any], listed: dict[str, Any]) -> str:
    if entry.get("reason"):
        return f"cannot run: {entry['reason']}"
    return "default" if "scores" in entry and entry["name"] == listed["default"] else ""


def _show(entry: dict[str, Any], *, is_default: bool) -> None:
    marks = [*([entry["kind"]] if "kind" in entry else []), *(["default"] if is_default else [])]
    echo(f"{entry['name']}: {entry['title']}" + (f" ({', '.join(marks)})" if marks else ""))
    if entry.get("reason"):
        echo(f"  cannot run: {entry['reason']}")
    if entry.get("weights"):
        echo(f"  weights {entry['weights']['name']}, SHA-256 {entry['weights']['sha256'][:16]}...")
    if entry.get("other_weights"):
        echo(f"  other weights {', '.join(entry['other_weights'])}")
    if entry.get("scores"):
        echo("  scores " + ", ".join(f"{name} {value:.4g}" for name, value in entry["scores"].items()))
    echo_columns(list(_rows(entry["parameters"], entry["prefix"])), indent="  ")
    echo()


def _rows(parameters: Iterable[dict[str, Any]], prefix: str) -> Iterable[list[str]]:
    for entry in parameters:
        limits = " | ".join(entry["choices"])
        if entry["minimum"] is not None or entry["maximum"] is not None:
            ends = ("" if end is None else f"{end:g}" for end in (entry["minimum"], entry["maximum"]))
            limits = " to ".join(ends)
        unit = f" {entry['unit']}" if entry["unit"] else ""
        yield [f"{prefix}{entry['name']} = {entry['default']}{unit}", limits, entry["help"]]
