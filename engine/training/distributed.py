"""One process or several: under `torchrun` each takes its own stream of sequences, and gradients are averaged."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from engine.device import choose_device


@dataclass(frozen=True)
class ProcessGroup:
    """A process in the group of all that train together; alone, everything here does nothing."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this is the main process, of rank 0, which writes files and reports."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """Average the gradients of all processes in `backward`."""
        if self.size == 1:
            return network
        ids = [self.device.index or 0] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=ids)

    def agree(self, wish: bool) -> bool:
        """Return the main process's wish in every process, for example to stop."""
        return bool(self.share([float(wish)])[0])

    def share(self, values: list[float]) -> list[float]:
        """Return the main process's numbers in every process."""
        if self.size == 1:
            return values
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, src=0)
        return [float(value) for value in shared.tolist()]


@contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """Join the processes that `torchrun` started, or work alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = choose_device(device)
    if size == 1:
        yield ProcessGroup(0, 1, chosen)
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    if chosen.type == "cuda":
        chosen = torch.device("cuda", local)
        torch.cuda.set_device(chosen)
    distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield ProcessGroup(rank, size, chosen)
    finally:
        distributed.destroy_process_group()
