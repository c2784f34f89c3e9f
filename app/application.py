"""The commands put together: each is imported only when it is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated

import typer

from engine import __version__


def build(groups: Mapping[str, Mapping[str, str]], program: str) -> typer.Typer:
    """Assemble the application from groups of commands, given as `module:function` by their names."""
    application = typer.Typer(
        name=program,
        help="See and measure strain in raw ultrasound recordings.",
        pretty_exceptions_enable=False,
    )
    application.callback()(_options)
    for title, commands in groups.items():
        for name, place in commands.items():
            module, function = place.split(":")
            application.command(name, rich_help_panel=title or None)(getattr(import_module(module), function))
    return application


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"strainscope {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """See and measure strain in raw ultrasound recordings."""
