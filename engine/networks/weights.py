"""Trained weights as data: a safetensors file, and beside it a JSON card that says what it is and how it came about.

In the box they lie in `resources/weights` as `<network>-v<N>.safetensors` and `.json`. A name never changes its
meaning: new training is the next N, and the name without a version is the highest. Loading checks the SHA-256 of the
file, is strict, and runs no code from it.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from platformdirs import user_data_path

from engine.errors import ParameterError, StrainscopeError, WeightsError
from engine.files.atomic import atomic_path, write_text

if TYPE_CHECKING:
    import torch
    from torch import nn

_VERSIONED = re.compile(r"(?P<network>.+)-v(?P<version>\d+)")

_OTHER_MODELS = {
    "modulus-denoiser": ("engine.elasticity.common.denoiser", "ModulusDenoiser"),
    "strain-cnn": ("engine.networks.end_to_end_cnn", "StrainCNN"),
}
"""Models with weights that are no displacement networks: the module and the class, made from its `Config`."""

_REPLACED = "replaces"
"""Key of a card under which, while weights are being replaced, the old card stands: either file goes with it."""

_TEXTS = ("name", "network", "sha256", "training", "data", "commit", "hardware", "licence")
_TABLES = ("config", "recipe", "scores")


@dataclass(frozen=True)
class WeightsCard:
    """What the user and the loader must know of weights.

    `samples_per_period` is the axial sampling that the network expects, in samples for one period of the centre
    frequency, 0 where it expects none; `pitch_m` the range of line distances it was trained on; `prealigned` whether
    the bulk motion is to be removed first. `scores` maps a named data set to its metrics.
    """

    name: str
    network: str
    config: Mapping[str, Any]
    sha256: str
    samples_per_period: float = 8.0
    pitch_m: tuple[float, float] = (0.12e-3, 0.35e-3)
    prealigned: bool = True
    training: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: str = ""
    seed: int = 0
    commit: str = ""
    iterations: int = 0
    hardware: str = ""
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    licence: str = "Apache-2.0"

    @classmethod
    def read(cls, path: Path) -> "WeightsCard":
        """Read the card of a weights file; an absent, damaged or incomplete one is a WeightsError."""
        source = path.with_suffix(".json")
        try:
            content = json.loads(source.read_text(encoding="utf-8"))
        except OSError:
            raise WeightsError(f"{path.name} has no card {source.name} beside it") from None
        except (ValueError, RecursionError):
            raise WeightsError(f"{source.name} is not a card of weights: no JSON") from None
        if isinstance(content, dict) and _REPLACED in content:
            content = _card_of(path, content)
        return cls(**_checked(content, source.name))


def load(name: str | Path) -> "tuple[nn.Module, WeightsCard]":
    """Load weights in the box by name, or a safetensors file by path, ready for inference.

    Absent, damaged or misfitting weights are a WeightsError that names them.

    Parameters
    ----------
    name
        `usse-net` for the highest version in the box, `usse-net-v1` for one of them, or the path of a safetensors file.

    Returns
    -------
    tuple
        The network in evaluation mode on the CPU, and its card.

    Raises
    ------
    WeightsError
        As above.

    >>> network, card = load("usse-net")
    >>> card.network
    'usse-net'
    """
    path = find(name)
    card = WeightsCard.read(path)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise WeightsError(f"{path.name} is damaged: its SHA-256 is not the one on its card")
    module = _build(card)
    _fill(module, content, path.name)
    return module.eval(), card


def shared(name: str | Path, device: "torch.device") -> "tuple[nn.Module, WeightsCard]":
    """Like `load`, on a device, once a process as long as the file and its hash stay the same: not to be changed."""
    path = find(name)
    status = path.stat()
    return _shared(path, WeightsCard.read(path).sha256, (status.st_mtime_ns, status.st_size), device)


@lru_cache(maxsize=4)
def _shared(
    path: Path, sha256: str, status: tuple[int, int], device: "torch.device"
) -> "tuple[nn.Module, WeightsCard]":
    module, card = load(path)
    return module.to(device), card


def save(module: "nn.Module", card_fields: Mapping[str, Any], path: Path, *, half: bool = False) -> WeightsCard:
    """Write a module's weights to `path` (.safetensors) and its card beside it; return the card.

    `card_fields` are fields of `WeightsCard`; name, network, config and hash are filled in. `half` stores numbers of
    16 bits, in half the space; loading makes 32 of them again, and a network's motion differs by 1e-4 samples.
    """
    from safetensors.torch import save as to_bytes

    stored = {key: values.detach().cpu().contiguous() for key, values in module.state_dict().items()}
    if half:
        stored = {key: values.half() if values.is_floating_point() else values for key, values in stored.items()}
    content = to_bytes(stored)
    described: dict[str, Any] = {
        "name": path.stem,
        "network": _name_of(module),
        "config": _config_of(module),
        **card_fields,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    card = WeightsCard(**_checked(described, path.stem))
    replaced = _card_there(path)
    if replaced is not None:
        _write_card(path, {**asdict(card), _REPLACED: replaced})
    with atomic_path(path) as target:
        target.write_bytes(content)
    _write_card(path, asdict(card))
    return card


def _write_card(path: Path, content: Mapping[str, Any]) -> None:
    write_text(path.with_suffix(".json"), json.dumps(content, indent=2) + "\n")


def _card_there(path: Path) -> dict[str, Any] | None:
    """Return the card of weights that are about to be replaced, or None where there is no whole pair."""
    try:
        return asdict(WeightsCard.read(path)) if path.is_file() else None
    except (WeightsError, OSError):
        return None


def _card_of(path: Path, content: Mapping[str, Any]) -> object:
    """Choose between the card of new weights and that of the old ones, by what the file holds: a kill came between."""
    old = content[_REPLACED]
    new = {key: value for key, value in content.items() if key != _REPLACED}
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(f"the weights file {path.name} cannot be read ({error.strerror})") from None
    return old if isinstance(old, dict) and old.get("sha256") == found else new


def available() -> dict[str, WeightsCard]:
    """Cards of the weights in the box by their name without version; those that cannot be used are left out."""
    cards = {}
    for name in sorted({found["network"] for _, found in _stored()}):
        try:
            cards[name] = WeightsCard.read(find(name))
        except WeightsError:
            continue
    return cards


def fitting(network: str) -> tuple[str, ...]:
    """Names of all weights in the box that a network can load, the one that is used without a choice first."""
    names = []
    own = sorted(user_folder().glob("*.safetensors"))
    for path in (*own, *(entry for entry, _ in _stored())):
        try:
            if WeightsCard.read(path).network == network:
                names.append(path.stem)
        except WeightsError:
            continue
    try:
        usual = find(network).stem
    except WeightsError:
        return tuple(names)
    return (usual, *(name for name in reversed(names) if name != usual))


def find(name: str | Path) -> Path:
    """Path of the weights called `name`: a path, a versioned name, or a network's name for its highest version."""
    path = Path(name)
    if path.suffix == ".safetensors":
        try:
            there = path.is_file()
        except OSError as error:
            raise WeightsError(f"the weights file {path.name} cannot be read ({error.strerror})") from None
        if not there:
            raise WeightsError(f"no weights file {path.name} in {path.parent}")
        return path
    exact = {entry.stem: entry for entry in folder().glob("*.safetensors")}.get(str(name))
    if exact is not None:
        return exact
    versions = [(int(found["version"]), entry) for entry, found in _stored() if found["network"] == str(name)]
    if versions:
        return max(versions)[1]
    own = {entry.stem: entry for entry in user_folder().glob("*.safetensors")}.get(str(name))
    if own is not None:
        return own
    raise WeightsError(f"no trained weights for {name} in the box or in {user_folder()}")


def folder() -> Path:
    """Where the weights in the box lie."""
    return Path(str(files("resources"))) / "weights"


def user_folder() -> Path:
    """Where weights lie that the user trained, each found by its whole name, after those in the box."""
    moved = os.environ.get("STRAINSCOPE_CONFIG")
    return (Path(moved) if moved else user_data_path("strainscope", appauthor=False)) / "weights"


def _stored() -> list[tuple[Path, re.Match[str]]]:
    entries = sorted(folder().glob("*.safetensors"))
    return [(entry, found) for entry in entries if (found := _VERSIONED.fullmatch(entry.stem))]


def _checked(content: object, name: str) -> dict[str, Any]:
    """Check a card's keys and the types that matter."""
    known = {entry.name: entry for entry in fields(WeightsCard)}
    if not isinstance(content, dict):
        raise WeightsError(f"{name} is not a card of weights")
    missing = {"name", "network", "config", "sha256"} - set(content)
    unknown = set(content) - set(known)
    if missing or unknown:
        problem = f"lacks {', '.join(sorted(missing))}" if missing else f"holds unknown {', '.join(sorted(unknown))}"
        raise WeightsError(f"the card of {name} {problem}")
    for kind, entries, words in ((str, _TEXTS, "text"), (Mapping, _TABLES, "a table")):
        wrong = [entry for entry in entries if entry in content and not isinstance(content[entry], kind)]
        if wrong:
            raise WeightsError(f"the card of {name}: {wrong[0]} must be {words}, found {content[wrong[0]]!r}")
    return {**content, **_expected_input(content, name)}


_PERIODS, _PITCHES_M = (2.0, 64.0), (1e-6, 1e-2)
"""Samples for a period and distances of lines that any network was made for; outside, resampling has no bounds."""


def _expected_input(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return pitches and samples a period, which must be possible."""
    try:
        lowest, highest = (float(value) for value in content.get("pitch_m", WeightsCard.pitch_m))
        samples = float(content.get("samples_per_period", WeightsCard.samples_per_period))
    except (TypeError, ValueError):
        raise WeightsError(f"the card of {name} does not give its expected input as numbers") from None
    possible = _PITCHES_M[0] <= lowest <= highest <= _PITCHES_M[1]
    if not (possible and (samples == 0 or _PERIODS[0] <= samples <= _PERIODS[1])):
        found = f"pitch_m {lowest:g} to {highest:g}, samples_per_period {samples:g}"
        raise WeightsError(f"the card of {name} expects an impossible input: {found}")
    return {"pitch_m": (lowest, highest), "samples_per_period": samples}


def _build(card: WeightsCard) -> "nn.Module":
    model = _model(card)
    try:
        config = {key: tuple(value) if isinstance(value, list) else value for key, value in card.config.items()}
        built: nn.Module = model(model.Config(**config))
    except (TypeError, ParameterError) as error:
        raise WeightsError(f"the card of {card.name} does not describe a {card.network}: {error}") from None
    return built


def _model(card: WeightsCard) -> Any:
    """Class of the card's network."""
    if card.network in _OTHER_MODELS:
        module, name = _OTHER_MODELS[card.network]
        return getattr(import_module(module), name)
    from engine.networks.base import NETWORKS

    if card.network not in NETWORKS.names():
        raise WeightsError(f"{card.name} is for a network {card.network!r} that does not exist here")
    return NETWORKS.get(card.network)


def _fill(module: "nn.Module", content: bytes, name: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    try:
        module.load_state_dict(from_bytes(content), strict=True)
    except SafetensorError:
        raise WeightsError(f"{name} is damaged: not a safetensors file") from None
    except RuntimeError as error:
        raise WeightsError(f"{name} does not fit its architecture: {' '.join(str(error).split())[:200]}") from None


def _config_of(module: "nn.Module") -> dict[str, Any]:
    config: Any = getattr(module, "config", None)
    return asdict(config) if is_dataclass(config) and not isinstance(config, type) else {}


def _name_of(module: "nn.Module") -> str:
    from engine.networks.base import DisplacementNetwork

    if isinstance(module, DisplacementNetwork):
        return module.name
    for network, entry in _OTHER_MODELS.items():
        if entry == (type(module).__module__, type(module).__name__):
            return network
    raise StrainscopeError(f"{type(module).__name__} is not a network that keeps weights")
