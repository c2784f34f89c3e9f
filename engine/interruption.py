"""Stop a computation in the middle: every torch operation asks first whether it is still wanted.

An estimator may work on one frame for seconds; `pipeline.run` asks between frames only. The check is a Python call at
each torch function, about a microsecond, and holds for the calling thread alone.

>>> with interrupted_by(lambda: False):
...     estimates = list(run(sequence, settings, device))  # doctest: +SKIP
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from engine.errors import CancelledError


@contextmanager
def interrupted_by(cancelled: Callable[[], bool]) -> Iterator[None]:
    """Raise CancelledError at the next torch operation of this thread once `cancelled()` says so."""
    from torch.overrides import TorchFunctionMode

    class Interruption(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: Sequence[type],
            args: Sequence[Any] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            if cancelled():
                raise CancelledError("cancelled")
            return func(*args, **(kwargs or {}))

    with Interruption():
        yield
