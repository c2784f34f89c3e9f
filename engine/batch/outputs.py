"""Where the results of a batch go: one name for each recording, and nothing half-written left behind."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from engine.errors import ParameterError, WriteError
from engine.files.atomic import unfinished

SUFFIX = "-result.h5"


def result_paths(recordings: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Name a result in `folder` for each recording: by its stem, and by the folders above it where stems are equal.

    A recording that is named twice is taken once. Paths are made absolute. A result that would replace a recording is
    a ParameterError.

    >>> found = result_paths([Path("/data/anna/scan.h5"), Path("/data/ben/scan.h5")], Path("/out"))
    >>> [path.name for path in found.values()]
    ['anna-scan-result.h5', 'ben-scan-result.h5']
    """
    absolute = list(dict.fromkeys(path.resolve() for path in recordings))
    names = _names(absolute)
    found = {path: folder.resolve() / f"{names[path]}{SUFFIX}" for path in absolute}
    for path, output in found.items():
        if output in found:
            raise ParameterError(f"the result of {path.name} would replace the recording {output}")
    return found


def make_folder(folder: Path) -> None:
    """Make the folder of the results if it is not there; a WriteError says why it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot make the folder {folder}: {error.strerror or error}") from None


def remove_unfinished(outputs: Iterable[Path]) -> None:
    """Remove temporary files that a killed worker left beside these results."""
    for path in unfinished(outputs):
        with suppress(OSError):
            path.unlink()


def _names(paths: Sequence[Path]) -> dict[Path, str]:
    """Join as few parts of each path, from its end, as tell all apart; a suffix comes in where nothing else does."""
    parts = {path: (*path.parent.parts[1:], path.stem) for path in paths}
    if len(set(parts.values())) < len(paths):
        parts = {path: (*path.parent.parts[1:], path.name.replace(".", "-")) for path in paths}
    names: dict[Path, str] = {}
    deepest = max((len(entry) for entry in parts.values()), default=0)
    for depth in range(1, deepest + 1):
        shown = {path: "-".join(parts[path][-depth:]) for path in paths if path not in names}
        taken = Counter([*shown.values(), *names.values()])
        names |= {path: name for path, name in shown.items() if taken[name] == 1}
    for number, path in enumerate(path for path in paths if path not in names):
        names[path] = f"{'-'.join(parts[path])}-{number}"
    return names
