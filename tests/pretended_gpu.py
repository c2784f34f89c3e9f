"""A GPU that is only pretended: its values lie on the host, but nothing may mix them with the host's.

    with pretended_gpu() as gpu:
        run(sequence, settings, gpu.device)

Tensors on it say `cuda:7` of themselves, so the program takes every branch that it takes on a GPU. What CUDA refuses
is refused, with CUDA's own words where it is the device: tensors of both sides in one operation (single numbers of the
host aside, which CUDA takes), a tensor made an array before it was taken to the host, products of integers. What a
real one would have to be waited for is counted. Kernels, their speed, memory and rounding are not those of a GPU.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from torch.nn import Parameter
from torch.overrides import TorchFunctionMode

DEVICE = torch.device("cuda:7")
"""Not the first one: what is kept for a device, such as weights, must not meet a real GPU."""

CPU = torch.device("cpu")
FREE_BYTES = 2**33

_MOVES = {torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.cuda}
_WAITS = {
    torch.Tensor.item,
    torch.Tensor.tolist,
    torch.Tensor.__bool__,
    torch.Tensor.__int__,
    torch.Tensor.__float__,
    torch.Tensor.__index__,
    torch.Tensor.nonzero,
    torch.nonzero,
    torch.masked_select,
    torch.Tensor.masked_select,
    torch.equal,
    torch.unique,
}
_PRODUCTS = {torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.bmm, torch.mm, torch.einsum}
_ANSWERS = {
    torch.Tensor.device.__get__: DEVICE,  # type: ignore[attr-defined]
    torch.Tensor.is_cuda.__get__: True,  # type: ignore[attr-defined]
    torch._has_compatible_shallow_copy_type: False,  # a module's weights are replaced, not written over
}


class OnGPU(torch.Tensor):
    """A tensor whose values count as lying on the pretended GPU."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Everything is handled by the mode, while there is one."""
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))

    def __deepcopy__(self, memo: dict[int, Any]) -> torch.Tensor:
        """As of any tensor, which torch leaves to a kind of tensors that is not its own."""
        if id(self) not in memo:
            values = self.detach().clone().as_subclass(OnGPU)
            memo[id(self)] = Parameter(values, self.requires_grad) if isinstance(self, Parameter) else values
        return memo[id(self)]


@dataclass
class PretendedGPU(TorchFunctionMode):
    """Moves tensors, marks results, and refuses what CUDA refuses."""

    device: torch.device = DEVICE
    waits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        given = _tensors((*args, *kwargs.values()))
        here = any(isinstance(entry, OnGPU) for entry in given)
        if func in _MOVES:
            return self._moved(func, args, kwargs)
        if here:
            if func in _ANSWERS:
                return _ANSWERS[func]
            self._count(func, given)
            _check(func, given, forced=bool(kwargs.get("force")))
        asked = kwargs.get("device")
        if asked is not None:
            kwargs["device"] = CPU
        with torch._C.DisableTorchFunctionSubclass():
            found = func(*args, **kwargs)
        if func == torch.Tensor.numpy:
            return found
        there = here if asked is None else torch.device(asked).type == "cuda"
        return _each(_put, found) if there else found if asked is None else _each(_taken, found)

    def _count(self, func: Any, given: list[torch.Tensor]) -> None:
        if func in _WAITS:
            self.waits[func.__name__] += 1
        if func == torch.Tensor.__getitem__ and any(entry.dtype == torch.bool for entry in given[1:]):
            self.waits["mask as an index"] += 1

    def _moved(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        values, *rest = args
        target = {torch.Tensor.cuda: DEVICE, torch.Tensor.cpu: CPU}.get(func, _device(values))
        for place, entry in enumerate(rest):
            if isinstance(entry, torch.Tensor):
                target, rest[place] = _device(entry), entry.dtype
            elif isinstance(entry, torch.device | str):
                target, rest[place] = torch.device(entry), CPU
        if kwargs.get("device") is not None:
            target, kwargs["device"] = torch.device(kwargs["device"]), CPU
        with torch._C.DisableTorchFunctionSubclass():
            found = torch.Tensor.to(values, *rest, **kwargs) if func == torch.Tensor.to else values
            if found is values and _device(values).type != target.type:
                found = values.clone()
        return _put(found) if target.type == "cuda" else _taken(found)


def _device(values: torch.Tensor) -> torch.device:
    return DEVICE if isinstance(values, OnGPU) else CPU


def _tensors(given: Iterable[Any]) -> list[torch.Tensor]:
    found = []
    for entry in given:
        if isinstance(entry, torch.Tensor):
            found.append(entry)
        elif isinstance(entry, tuple | list):
            found += _tensors(entry)
    return found


def _check(func: Any, given: Sequence[torch.Tensor], *, forced: bool) -> None:
    """Refuse tensors of the host beside those of the GPU; CUDA takes single numbers, and indices, from there too."""
    if func == torch.Tensor.numpy and not forced:
        raise TypeError(f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() first")
    indexed = func in {torch.Tensor.__getitem__, torch.Tensor.__setitem__}
    for entry in given:
        if not isinstance(entry, OnGPU) and entry.ndim and (entry.is_floating_point() or not indexed):
            raise RuntimeError(
                f"{func.__name__}: Expected all tensors to be on the same device, but found at least two devices, "
                f"{DEVICE} and cpu {tuple(entry.shape)}"
            )
    if func in _PRODUCTS and not all(entry.is_floating_point() or entry.is_complex() for entry in given):
        raise RuntimeError(f"{func.__name__} on {DEVICE} not implemented for integers")


def _each(change: Callable[[torch.Tensor], torch.Tensor], found: Any) -> Any:
    if isinstance(found, torch.Tensor):
        return change(found)
    if isinstance(found, tuple | list):
        return type(found)([_each(change, entry) for entry in found])
    return found


def _put(found: torch.Tensor) -> torch.Tensor:
    return found.as_subclass(OnGPU) if type(found) is torch.Tensor else found


def _taken(found: torch.Tensor) -> torch.Tensor:
    return found.as_subclass(torch.Tensor) if isinstance(found, OnGPU) else found


class _Event:
    def record(self) -> None:
        """Nothing is under way."""

    synchronize = record


@contextmanager
def pretended_gpu() -> Iterator[PretendedGPU]:
    """The pretended GPU, with the few functions of `torch.cuda` that the program asks."""
    answers: Mapping[str, Callable[..., Any]] = {
        "torch.cuda.is_available": lambda: True,
        "torch.cuda.mem_get_info": lambda device=None: (FREE_BYTES, FREE_BYTES),
        "torch.cuda.Event": _Event,
        "torch.autocast": lambda kind, *rest, autocast=torch.autocast, **choices: autocast("cpu", *rest, **choices),
        "torch.Tensor.pin_memory": lambda values: values,
    }
    with ExitStack() as stack:
        for name, answer in answers.items():
            stack.enter_context(patch(name, answer))
        yield stack.enter_context(PretendedGPU())
