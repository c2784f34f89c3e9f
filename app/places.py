"""Where the program keeps what it keeps: workspaces with the user's data, results in a cache."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def workspace_folder() -> Path:
    """Return the folder of workspaces, which a test or a portable copy may move by an environment variable."""
    return _moved() or user_data_path("strainscope", appauthor=False) / "workspaces"


def results_folder() -> Path:
    """Return the folder of results, which the same variable moves."""
    moved = _moved()
    return moved.with_name("results") if moved else user_cache_path("strainscope", appauthor=False) / "results"


def _moved() -> Path | None:
    folder = os.environ.get("STRAINSCOPE_CONFIG")
    return Path(folder) / "workspaces" if folder else None
