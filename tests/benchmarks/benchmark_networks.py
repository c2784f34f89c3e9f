"""Time, memory and work of each network for one frame pair, as a Markdown table.

Run on a quiet machine: `python tests/benchmarks/benchmark_networks.py [--device cuda] [--precision bfloat16]`.

A pair is one deformed frame of a recording whose reference is encoded already, as the viewer meets it; MUSSE-Net runs
both stages. Floating-point operations are counted by torch for the same call (two for a multiply-add); the share is
their rate over that of the machine's own matrix product in the same precision and on as many cores. Memory is the
most that one pair adds to the process (CPU: largest resident size of a process of its own; CUDA: torch's own count).
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.networks.base import DisplacementNetwork, Features, State, build

NETWORKS = ("usenet", "reusenet", "usse-net", "musse-net")
SIZES = ((1600, 128), (2048, 256))
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Pair:
    """One step of a network on random RF."""

    def __init__(self, name: str, size: tuple[int, int], channels: int, device: torch.device, precision: str) -> None:
        torch.manual_seed(0)
        self.network: DisplacementNetwork = build(name, {"base_channels": channels}).to(device).eval()
        self.autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
        self.deformed = torch.randn(1, 1, 1, *size, device=device)
        with torch.inference_mode(), self.autocast:
            self.features: Features = self.network.encode_reference(torch.randn(1, 1, *size, device=device))
            self.state: State = self.network.initial_state(self.features)

    def step(self) -> None:
        with torch.inference_mode(), self.autocast:
            _, self.state = self.network.step(self.features, self.deformed, self.state)


def seconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median time of a call after two to warm up."""
    times = timings(call, device, repeats)
    return times[len(times) // 2]


def timings(call: Callable[[], object], device: torch.device, repeats: int) -> list[float]:
    """Times of a call after two to warm up, the shortest first."""
    for _ in range(2):
        call()
    times = []
    for _ in range(repeats):
        _synchronise(device)
        start = time.perf_counter()
        call()
        _synchronise(device)
        times.append(time.perf_counter() - start)
    return sorted(times)


def matmul_rate(device: torch.device, precision: str) -> float:
    """Floating-point operations a second of a large square matrix product, the fastest of five: what is reached."""
    size = 8192 if device.type == "cuda" else 2048
    a, b = torch.randn(2, size, size, device=device, dtype=DTYPES[precision]).unbind(0)
    return 2 * size**3 / timings(lambda: a @ b, device, 5)[0]


def peak_bytes(name: str, size: tuple[int, int], channels: int, device: torch.device, precision: str) -> int:
    """Most memory that the first pairs take, the network and the features of the reference included."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        pair = Pair(name, size, channels, device, precision)
        pair.step()
        return torch.cuda.max_memory_allocated() - before
    command = [sys.executable, __file__, "--resident", name, str(size[0]), str(size[1]), str(channels), precision]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def resident(name: str, height: int, width: int, channels: int, precision: str) -> int:
    """Growth of this process' largest resident size in bytes; run in a fresh process."""
    warm = Pair(name, (32, 16), 1, torch.device("cpu"), precision)
    warm.step()
    before = _largest_resident_bytes()
    pair = Pair(name, (height, width), channels, torch.device("cpu"), precision)
    for _ in range(2):
        pair.step()
    return _largest_resident_bytes() - before


def row(
    name: str, size: tuple[int, int], channels: int, device: torch.device, precision: str, rate: float, repeats: int
) -> str:
    pair = Pair(name, size, channels, device, precision)
    with FlopCounterMode(display=False) as counter:
        pair.step()
    flops = counter.get_total_flops()
    duration = seconds(pair.step, device, repeats)
    del pair
    memory = peak_bytes(name, size, channels, device, precision) / 2**20
    return (
        f"| {name} | {size[0]} x {size[1]} | {duration:.3f} | {memory:.0f} | {flops / 1e9:.1f} "
        f"| {flops / duration / 1e9:.0f} | {100 * flops / duration / rate:.0f} % |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time, memory and work of each network for one frame pair")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=list(DTYPES), default="float32")
    parser.add_argument("--channels", type=int, default=8, help="base channels")
    parser.add_argument("--threads", type=int, default=0, help="CPU cores; 0 for all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="the first frame size only")
    parser.add_argument("--resident", nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.resident:
        name, *numbers, precision = chosen.resident
        print(resident(name, *(int(number) for number in numbers), precision))  # noqa: T201
        return
    if chosen.device == "cuda" and not torch.cuda.is_available():
        parser.error("this machine has no CUDA device: nothing is measured")
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    device = torch.device(chosen.device)
    rate = matmul_rate(device, chosen.precision)
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{where}, {chosen.precision}, base channels {chosen.channels}, matrix product {rate / 1e9:.0f} GFLOP/s\n")  # noqa: T201
    print("| network | frame | s per pair | MiB | GFLOP | GFLOP/s | of matrix product |")  # noqa: T201
    print("|---|---|---|---|---|---|---|")  # noqa: T201
    for name in NETWORKS:
        for size in SIZES[: 1 if chosen.small else None]:
            rate = max(rate, matmul_rate(device, chosen.precision))  # anew: another program may have slowed the last
            print(row(name, size, chosen.channels, device, chosen.precision, rate, chosen.repeats), flush=True)  # noqa: T201


def _largest_resident_bytes() -> int:
    """Largest resident size of this process so far (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
