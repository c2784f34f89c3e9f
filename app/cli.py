"""The command line: one table of commands, each imported only when it is asked for, and one place for errors."""

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from app.termination import ended_like_ctrl_c
from engine import __version__
from engine.errors import StrainscopeError

COMMANDS = {
    "view": "app.commands.window:view",
    "demo": "app.commands.window:demo",
    "info": "app.commands.info:info",
    "methods": "app.commands.methods:methods",
    "estimate": "app.commands.estimate:estimate",
    "metrics": "app.commands.metrics:metrics",
    "figure": "app.commands.figure:figure",
    "movie": "app.commands.exports:movie",
    "sheet": "app.commands.exports:sheet",
    "export": "app.commands.exports:export",
    "evaluate": "app.commands.evaluate:evaluate",
    "compare-pairs": "app.commands.compare_pairs:compare_pairs",
    "batch": "app.commands.batch:batch",
    "simulate": "app.commands.simulate:simulate",
    "train": "app.commands.train:train",
    "adapt": "app.commands.adapt:adapt",
    "elasticity": "app.commands.elasticity:elasticity",
    "elasticity-experiment": "app.commands.elasticity:elasticity_experiment",
}
"""Every command by its name, as `module:function`; a line here is all it takes to add one."""

WINDOWS = ("view", "demo")
"""Commands that open a window, which sweeps up itself when it opens the next time."""

PROGRAM = "strainscope"
USER_ERROR = 2
SESSION = ".strainscope"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 2 for a user's mistake (one line on stderr), 130 for Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if given[0] not in COMMANDS and Path(given[0]).suffix.lower() == SESSION:
        given.insert(0, "view")  # how a desktop opens a file
    named = next((text for text in given if not text.startswith("-")), None)
    try:
        with nullcontext() if named in WINDOWS else ended_like_ctrl_c():
            status = build([named] if named in COMMANDS else COMMANDS)(given, prog_name=PROGRAM, standalone_mode=False)
        _flush()
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        return _quiet_pipe()
    except typer.TyperException as error:
        return _refuse(error.format_message())
    except StrainscopeError as error:
        return _refuse(str(error))
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        return _refuse("out of memory; try fewer frames, a smaller recording or another --device")
    except OSError as error:
        return _refuse_system(error)
    return status if isinstance(status, int) else 0


def build(names: Iterable[str]) -> typer.Typer:
    """Assemble the application from the named commands, importing only their modules."""
    application = typer.Typer(
        name=PROGRAM,
        help="See and measure strain in raw ultrasound recordings.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    application.callback()(_options)
    for name in names:
        module, function = COMMANDS[name].split(":")
        application.command(name)(getattr(import_module(module), function))
    return application


def _print_version(asked: bool) -> None:
    if asked:
        print(f"{PROGRAM} {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """See and measure strain in raw ultrasound recordings."""


def _refuse(message: str) -> int:
    print(f"{PROGRAM}: {' '.join(message.split())}", file=sys.stderr)
    return USER_ERROR


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


def _is_out_of_memory(error: Exception) -> bool:
    """Tell by name, because torch, whose error it may be, is not imported here."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _quiet_pipe() -> int:
    """Leave without a word when the reader of our output has gone."""
    _drop_output()
    return 1


def _drop_output() -> None:
    """Let stdout go nowhere: what it still holds must not fail again at exit."""
    with suppress(AttributeError, OSError):  # there may be no standard output at all
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
