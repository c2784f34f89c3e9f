"""The last net: whatever goes wrong is one line for the user; what nobody foresaw keeps its trace in a log file."""

import os
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from platformdirs import user_log_path

from engine import __version__
from engine.errors import StrainscopeError, one_line

OUT_OF_MEMORY = "out of memory; try fewer frames, a smaller recording or another --device"
LOG = "failures.log"
LARGEST_LOG = 2**20

_MEMORY_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "unable to allocate")
"""How torch says on the CPU, as a RuntimeError, that the memory does not suffice."""

_MATHEMATICS = ("ParseException", "ParseSyntaxException", "ParseFatalException")


def explanation(error: BaseException) -> str | None:
    """Say in one line what a known error means and what to do; None for an error that nobody foresaw."""
    name, text = type(error).__name__, str(error)
    if isinstance(error, StrainscopeError):
        return text
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, RecursionError):
        return "a file or a setting is nested more deeply than can be"
    if isinstance(error, OSError):
        reason = error.strerror or text or name
        named = isinstance(error.filename, str | bytes)
        return one_line(f"{os.fsdecode(error.filename)}: {reason}" if named else reason)
    if isinstance(error, OverflowError):
        return one_line(f"a number is larger than can be computed with ({text or name})")
    if isinstance(error, UnicodeError):
        return one_line(f"a name or a text is not valid Unicode ({text[:120]})")
    if name == "SafetensorError":
        return one_line(f"weights cannot be read or written ({text[:200]})")
    if any(word in text or word == name for word in _MATHEMATICS):
        return "a title or a label holds mathematics that cannot be drawn: write \\$ for the sign $"
    return None


def in_one_line(error: BaseException) -> str:
    """Return one line for any error; the trace of one that nobody foresaw goes to the log file, which is named."""
    known = explanation(error)
    if known is not None:
        return known
    log = record(error)
    where = f"; its trace is in {log}" if log else ""
    return one_line(f"a fault of the program: {str(error)[:200] or 'no message'} ({type(error).__name__}){where}")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell by name and words, because torch, whose error it may be, is not imported here."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _MEMORY_WORDS)


def log_path() -> Path:
    """Return the place of the log of failures: beside the preferences where their folder is given, else the user's."""
    folder = os.environ.get("STRAINSCOPE_CONFIG")
    return (Path(folder) if folder else user_log_path("strainscope", appauthor=False)) / LOG


def record(error: BaseException) -> Path | None:
    """Add an error's trace to the log file and return its path, or None where nothing can be written."""
    path = log_path()
    trace = "".join(traceback.format_exception(error))
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST_LOG:
            path.replace(path.with_name(f"{LOG}.1"))
        with path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, strainscope {__version__}\n{trace}\n")
        return path
    return None
