"""A job that the window waits for: one at a time, told as the activity, stopped by Cancel, an error in one line."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.controllers.processing import in_words
from app.jobs import Callbacks, JobControl, Worker
from app.state import Activity, ViewerState


class OneJobController(QObject):
    """A controller with such a job, on its worker and in its slot; `changed` says that it began or is over."""

    failed = Signal(str)
    changed = Signal()

    def __init__(self, state: ViewerState, worker: Worker, slot: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._worker, self._slot = state, worker, slot
        self._job: int | None = None

    def is_running(self) -> bool:
        """Say whether the job is under way."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop it; everything stays as it was."""
        if self._job is not None:
            self._worker.cancel(self._job)

    def _begin(
        self,
        work: Callable[[JobControl], Any],
        title: str,
        done: Callable[[Any], None],
        *,
        cancelled: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Submit the job; of what comes of it `done` hears when it is over, the user of an error or `cancelled`."""
        callbacks = Callbacks(
            done=lambda value: self._over(lambda: done(value)),
            failed=lambda error: self._over(lambda: self._told(error)),
            cancelled=lambda: self._over(lambda: self._state.set_notice(cancelled) if cancelled else None),
            progress=progress or (lambda done, total: self._state.set_activity(Activity(title, done, total))),
        )
        self._job = self._worker.submit(work, callbacks, slot=self._slot)
        if title:
            self._state.set_activity(Activity(title))
        self.changed.emit()

    def _told(self, error: BaseException) -> None:
        self.failed.emit(in_words(error))

    def _over(self, then: Callable[[], None]) -> None:
        self._job = None
        self._state.set_activity(None)
        then()
        self.changed.emit()
