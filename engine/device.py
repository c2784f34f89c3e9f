"""The compute device, chosen once by the caller and handed to every stage that uses torch."""

from typing import TYPE_CHECKING

from engine.errors import ParameterError

if TYPE_CHECKING:
    import torch


def accelerator_name() -> str:
    """Return the name of the CUDA device that `choose_device` takes, or an empty text where there is none."""
    import torch

    return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else ""


def choose_device(name: str = "auto") -> "torch.device":
    """Turn `auto`, `cpu` or `cuda` into a device; `cuda` without a CUDA device is an error, never a silent CPU run.

    Parameters
    ----------
    name
        `auto` for CUDA where there is one, else `cpu`; or either of them.

    Returns
    -------
    torch.device
        The one device that is handed to every stage.

    Raises
    ------
    ParameterError
        Another name, or `cuda` on a machine without.

    >>> choose_device("cpu").type
    'cpu'
    """
    import torch

    if name not in {"auto", "cpu", "cuda"}:
        raise ParameterError(f"device: expected auto, cpu or cuda, found {name!r}")
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ParameterError("device: cuda was asked for, but this machine has no CUDA device")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


MOST_FRAMES = 64
_MAPS_PER_FRAME = 1000
"""Maps of single precision that a frame takes at most on its way, with room to spare."""
_SHARE = 0.6
"""Share of the free memory that a batch may take."""


def frames_at_once(shape: tuple[int, int], device: "torch.device") -> int:
    """Frames (H, W) that go through the chain together: on a CPU one, whose result is there the sooner.

    On CUDA it is what fits the free memory.
    """
    import torch

    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(MOST_FRAMES, int(_SHARE * free / (4 * _MAPS_PER_FRAME * shape[0] * shape[1]))))
