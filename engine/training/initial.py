"""The network that a run starts from: fresh, from weights, or as a new stage after a trained one."""

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


def initial_network(config: TrainingConfig, device: torch.device) -> DisplacementNetwork:
    """Build the network; `initial.first_stage` freezes a trained single stage as the first of a multi-stage network."""
    network = build(config.run.network, config.architecture)
    if config.initial.weights:
        fill(network, stored_weights(config.folder, config.initial.weights), config.initial.weights)
    if config.initial.first_stage:
        if not isinstance(network, MUSSENet):
            raise ParameterError(f"initial.first_stage: {config.run.network} has a single stage")
        fill(network.stages[0], stored_weights(config.folder, config.initial.first_stage), config.initial.first_stage)
        network.train_stage(len(network.stages))
    return network.to(device)


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
