"""Everything a run needs to go on exactly where it was, in one safetensors file: nothing in it is ever unpickled.

Tensors are stored by their path in the nested state; the rest is JSON in the file's metadata. A write replaces the
file at once or not at all, so that a killed run finds the checkpoint before.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from engine.errors import ReadError
from engine.files.atomic import atomic_path

VERSION = "1"
_TENSOR = "$tensor"


def save(state: dict[str, Any], path: Path) -> None:
    """Write a nest of dictionaries, lists, tensors and JSON scalars.

    >>> save({"weights": {"a": torch.zeros(3)}, "iteration": 7}, Path("checkpoint.safetensors"))
    >>> load(Path("checkpoint.safetensors"))["iteration"]
    7
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _take_tensors(state, "", tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = to_bytes(tensors, metadata={"version": VERSION, "state": json.dumps(skeleton)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, tensors on the CPU; anything else is a ReadError."""
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError) as error:  # the last where it is replaced while it is read
        raise ReadError(path, f"is not a checkpoint: {error}") from None
    if metadata.get("version") != VERSION:
        raise ReadError(path, f"is not a checkpoint of version {VERSION}")
    try:
        state: dict[str, Any] = _put_tensors(json.loads(metadata["state"]), tensors)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ReadError(path, "is a damaged checkpoint: its state does not fit its tensors") from None
    if not isinstance(state, dict):
        raise ReadError(path, "is a damaged checkpoint: its state is no table")
    return state


def _take_tensors(value: Any, where: str, tensors: dict[str, Tensor]) -> Any:
    """Replace tensors by their path; dictionary keys keep their type, since an optimiser's are numbers."""
    if isinstance(value, Tensor):
        tensors[where] = value.detach().cpu().clone().contiguous()
        return {_TENSOR: where}
    if isinstance(value, dict):
        return {"pairs": [[key, _take_tensors(entry, f"{where}/{key}", tensors)] for key, entry in value.items()]}
    if isinstance(value, list | tuple):
        return [_take_tensors(entry, f"{where}/{index}", tensors) for index, entry in enumerate(value)]
    return value


def _put_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_put_tensors(entry, tensors) for entry in value]
    if isinstance(value, dict):
        if _TENSOR in value:
            return tensors[value[_TENSOR]]
        return {key: _put_tensors(entry, tensors) for key, entry in value["pairs"]}
    return value


def to_device(state: Any, device: torch.device) -> Any:
    """Move every tensor of a nest to a device."""
    if isinstance(state, Tensor):
        return state.to(device)
    if isinstance(state, dict):
        return {key: to_device(entry, device) for key, entry in state.items()}
    if isinstance(state, list):
        return [to_device(entry, device) for entry in state]
    return state
