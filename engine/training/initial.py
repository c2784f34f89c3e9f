"""The network that a run starts from: fresh, from weights, or as a new stage after a trained one."""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from engine.errors import ParameterError, WeightsError
from engine.networks.base import DisplacementNetwork, build
from engine.networks.musse_net import MUSSENet
from engine.networks.weights import load
from engine.training import checkpoint
from engine.training.config import TrainingConfig

_STAGE = re.compile(r"stages\.(?P<stage>\d+)\.")


def initial_network(config: TrainingConfig, device: torch.device) -> DisplacementNetwork:
    """Build the network; one of several stages that starts from trained ones trains its last and keeps the others.

    `initial.first_stage` gives the first stage; `initial.weights` may have fewer stages than the network, the further
    ones then start as copies of its last.
    """
    network = build(config.run.network, config.architecture)
    initial = config.initial
    if initial.first_stage and not isinstance(network, MUSSENet):
        raise ParameterError(f"initial.first_stage: {config.run.network} has a single stage")
    if initial.weights:
        weights = stored_weights(config.folder, initial.weights)
        if isinstance(network, MUSSENet):
            weights = with_stages(weights, len(network.stages))
        fill(network, weights, initial.weights)
    if isinstance(network, MUSSENet):
        if initial.first_stage:
            fill(network.stages[0], stored_weights(config.folder, initial.first_stage), initial.first_stage)
        if initial.first_stage or initial.weights:
            network.train_stage(len(network.stages))
    return network.to(device)


def with_stages(weights: Mapping[str, Tensor], stages: int) -> dict[str, Tensor]:
    """Weights of a multi-stage network with its last stage copied as often as `stages` asks for.

    Weights of a network without stages stay as they are; `fill` then says that they do not fit.
    """
    numbers = [int(found["stage"]) for name in weights if (found := _STAGE.match(name))]
    if not numbers:
        return dict(weights)
    own = 1 + max(numbers)
    last = {name: values for name, values in weights.items() if name.startswith(f"stages.{own - 1}.")}
    copies = {
        name.replace(f"stages.{own - 1}.", f"stages.{stage}.", 1): values
        for stage in range(own, stages)
        for name, values in last.items()
    }
    return {**weights, **copies}


def fill(module: torch.nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    """Load strictly; weights of another architecture are a WeightsError."""
    try:
        module.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise WeightsError(f"{name} does not fit the network: {' '.join(str(error).split())[:200]}") from None


def stored_weights(folder: Path, name: str) -> dict[str, Tensor]:
    """Read weights by path (a run's `best.safetensors`, its checkpoint, or exported weights), or by name in the box."""
    path = folder / name
    if path.name in {"best.safetensors", "checkpoint.safetensors"}:
        if not path.exists():
            raise WeightsError(f"{name}: no such run beside the configuration")
        state = checkpoint.load(path)
        found: dict[str, Tensor] = state["weights"] if "weights" in state else state["network"]
        return found
    module, _ = load(path if path.suffix == ".safetensors" else name)
    return module.state_dict()
