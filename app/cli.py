"""The command line: one table of commands, each imported only when it is asked for, and one place for errors."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from glob import glob
from pathlib import Path

from app.signals import STATUS as INTERRUPTED
from app.signals import give_signals_back
from app.termination import EndedEarlyError, ended_like_ctrl_c, forget_signals, was_interrupted
from engine.errors import one_line
from engine.files.atomic import discard_unfinished

GROUPS = {
    "Begin": {
        "demo": "app.commands.window:demo",
        "view": "app.commands.window:view",
        "example": "app.commands.example:example",
        "info": "app.commands.info:info",
        "methods": "app.commands.methods:methods",
        "pairs": "app.commands.pairs:pairs",
        "doctor": "app.commands.doctor:doctor",
    },
    "Estimate strain": {
        "estimate": "app.commands.estimate:estimate",
        "batch": "app.commands.batch:batch",
        "run": "app.commands.run:run",
    },
    "Measure, draw and export": {
        "metrics": "app.commands.metrics:metrics",
        "figure": "app.commands.figure:figure",
        "movie": "app.commands.exports:movie",
        "sheet": "app.commands.exports:sheet",
        "profile": "app.commands.exports:profile",
        "histogram": "app.commands.exports:histogram",
        "export": "app.commands.exports:export",
        "elasticity": "app.commands.elasticity:elasticity",
    },
    "Simulate, train and compare": {
        "simulate": "app.commands.simulate:simulate",
        "train": "app.commands.train:train",
        "adapt": "app.commands.adapt:adapt",
        "evaluate": "app.commands.evaluate:evaluate",
        "agreement": "app.commands.agreement:agreement",
        "compare-pairs": "app.commands.compare_pairs:compare_pairs",
        "elasticity-experiment": "app.commands.elasticity:elasticity_experiment",
    },
}
"""Every command by its name, as `module:function`, under the heading in the help; a line here is all it takes."""

COMMANDS = {name: place for group in GROUPS.values() for name, place in group.items()}

WINDOWS = ("view", "demo")
"""Commands that open a window, which sweeps up itself when it opens the next time."""

PROGRAM = "strainscope"
USER_ERROR, FAULT = 2, 1
SESSION = ".strainscope"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    0, 2 for a user's mistake, 1 for a fault of the program, 130 for Ctrl-C; every one but the first with one line on
    stderr. The trace of a fault goes to a log file.
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if sys.platform == "win32":
        given = expanded(given)
    if given[0] not in COMMANDS and Path(given[0]).suffix.lower() == SESSION:
        given.insert(0, "view")  # how a desktop opens a file
    named = next((text for text in given if not text.startswith("-")), None)
    _show_all_names()
    forget_signals()
    try:
        if named in WINDOWS:
            give_signals_back()
            return _run(given, named)
        with ended_like_ctrl_c():
            return _run(given, named)
    except KeyboardInterrupt:
        return _refuse("interrupted", INTERRUPTED)
    except EndedEarlyError as error:
        return _refuse(str(error), INTERRUPTED)
    except BrokenPipeError:
        return _quiet_pipe()
    except OSError as error:
        return _refuse_system(error)
    except Exception as error:  # noqa: BLE001 - the last net: whatever happens is one line
        from engine.failures import explanation, in_one_line

        return _refuse(in_one_line(error), FAULT if explanation(error) is None else USER_ERROR)
    finally:
        discard_unfinished()


def expanded(given: Sequence[str]) -> list[str]:
    """Put files in the place of patterns such as `*.h5`, as every shell does but those of Windows."""
    return [path for text in given for path in (_matches(text) or [text])]


def _matches(text: str) -> list[str]:
    special = not text.startswith("-") and any(letter in text for letter in "*?[") and not os.path.exists(text)
    return sorted(glob(text, recursive=True)) if special else []


def _run(given: list[str], named: str | None) -> int:
    """Run the command under Typer, which is imported once signals are noted; its errors are one line too."""
    _start_reading(given)
    import typer

    from app.application import build

    try:
        chosen = {"": {named: COMMANDS[named]}} if named in COMMANDS else GROUPS
        status = build(chosen, PROGRAM)(given, prog_name=PROGRAM, standalone_mode=False)
        if status == INTERRUPTED:  # what Typer makes of a KeyboardInterrupt
            return _refuse("interrupted", INTERRUPTED)
        _flush()
    except typer.Abort:
        return _refuse("interrupted", INTERRUPTED)
    except typer.TyperException as error:
        return _refuse(error.format_message())
    return status if isinstance(status, int) else 0


def _start_reading(given: list[str]) -> None:
    """Start the reading process at once where a file is named that will need it: both load while the other does."""
    from engine.files.hdf5_reading import is_hdf5, start_reading

    for text in given:
        with suppress(OSError, ValueError):
            if os.path.isfile(text):
                with open(text, "rb") as stream:
                    if is_hdf5(stream.read(2056)):
                        start_reading()
                        return


def _refuse(message: str, status: int = USER_ERROR) -> int:
    if status != INTERRUPTED and was_interrupted():  # libraries make errors of their own of it, as an import that fails
        message, status = "interrupted", INTERRUPTED
    print(f"{PROGRAM}: {one_line(message)}", file=sys.stderr)
    return status


def _show_all_names() -> None:
    """Write out letters that the terminal's encoding lacks: a file's name need not be valid text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where there is no console
            stream.reconfigure(errors="backslashreplace")


def _refuse_system(error: OSError) -> int:
    """Say what the system refused, and of which file; without one it may be standard output, on a full disk."""
    reason = error.strerror or str(error)
    if error.filename is not None:
        return _refuse(f"{error.filename}: {reason}")
    _drop_output()
    return _refuse(reason)


def _flush() -> None:
    if sys.stdout is not None:  # as in a program without a console
        sys.stdout.flush()


def _quiet_pipe() -> int:
    """Leave without a word when the reader of our output has gone."""
    _drop_output()
    return 1


def _drop_output() -> None:
    """Let stdout go nowhere: what it still holds must not fail again at exit."""
    with suppress(AttributeError, OSError):  # there may be no standard output at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
