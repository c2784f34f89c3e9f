"""Stop a computation in the middle: every torch operation asks first whether it is still wanted.

An estimator may work on one frame for seconds; `pipeline.run` asks between frames only. The check is a Python call at
each torch function, about a microsecond, and holds for the calling thread, and for work that it hands to others
`as_here`.

>>> with interrupted_by(lambda: False):
...     estimates = list(run(sequence, settings, device))  # doctest: +SKIP
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from engine.errors import CancelledError

T = TypeVar("T")

_ASKED: ContextVar[Callable[[], bool] | None] = ContextVar("_ASKED", default=None)
"""What this thread asks, where it asks."""


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

    before = _ASKED.set(cancelled)
    try:
        with Interruption():
            yield
    finally:
        _ASKED.reset(before)


def as_here(work: Callable[[], T]) -> Callable[[], T]:
    """Return work that another thread can do, to be stopped as it would be here."""
    cancelled = _ASKED.get()
    if cancelled is None:
        return work

    def asked() -> T:
        with interrupted_by(cancelled):
            return work()

    return asked
