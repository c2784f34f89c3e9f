"""Write down what the program tells the user and what its libraries say, on whichever thread they say it."""

import logging
import platform
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.controllers.commands import Commands
from app.features.log.state import Level, LogState
from app.state import Run
from engine import __version__
from engine.files.atomic import write_text

LEVELS: tuple[tuple[int, Level], ...] = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (0, "note"))


class _Handler(logging.Handler):
    """Hands records on as a signal, which brings them to the window's thread."""

    def __init__(self, controller: "LogController") -> None:
        super().__init__(logging.WARNING)
        self._controller = controller

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on one record, as one line."""
        level = next(name for number, name in LEVELS if record.levelno >= number)
        words = " ".join(record.getMessage().split())
        try:
            self._controller.heard.emit(level, f"{record.name}: {words}")
        except RuntimeError:  # the window is gone
            self.close()


class LogController(QObject):
    """Fills the log from notices, errors, activities and runs, and from Python's own logging and warnings."""

    heard = Signal(str, str)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands.parent)
        self._state = commands.state
        self._log = commands.state.slice(LogState)
        self._runs: dict[int, str] = {}
        self._handler = _Handler(self)
        self.heard.connect(self._hear, Qt.ConnectionType.QueuedConnection)
        self._state.notice_changed.connect(self._notice)
        self._state.error_shown.connect(self._error)
        self._state.recording_changed.connect(self._recording)
        self._state.runs_changed.connect(self._run)
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self._handler)
        self._log.add("note", f"Strainscope {__version__}, Python {platform.python_version()}, {platform.platform()}")

    def save(self, path: Path) -> None:
        """Write the log to a text file; what cannot be written is a WriteError."""
        write_text(path, self._log.text())

    def close(self) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self._handler)
        logging.captureWarnings(False)

    @Slot(str, str)
    def _hear(self, level: Level, text: str) -> None:
        self._log.add(level, text)

    @Slot()
    def _notice(self) -> None:
        self._log.add("note", self._state.notice)

    @Slot(str)
    def _error(self, text: str) -> None:
        self._log.add("error", text)

    @Slot()
    def _recording(self) -> None:
        self._runs.clear()
        recording = self._state.recording
        if recording is not None:
            frames, rows, lines = recording.sequence.shape
            self._log.add("note", f"Opened {recording.sequence.name}: {frames} frames of {rows} x {lines}")

    @Slot()
    def _run(self) -> None:
        run = self._state.run
        if run is not None and self._runs.get(run.number) != run.status:
            self._runs[run.number] = run.status
            if run.status == "running":
                self._log.add("note", f"Estimating: {run.title}, {settings_text(run)}")


def settings_text(run: Run) -> str:
    """Write a run's settings in one line."""
    settings = run.settings
    parts = {"method": settings.parameters, "strain": settings.strain_parameters, "preparation": settings.preparation}
    words = [f"reference frame {settings.reference}"]
    for name, parameters in parts.items():
        if parameters is not None:
            values = ", ".join(f"{key} {value}" for key, value in parameters.as_dict().items() if value != "")
            words.append(f"{name}: {values}")
    return "; ".join(words)
