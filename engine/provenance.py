"""Where a result comes from: the method with all its parameters, the weights, the program and the recording."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine import __version__
from engine.errors import CancelledError, ReadError, StrainscopeError
from engine.files.unchanged import stamps
from engine.recording_key import recording_key
from engine.types import Provenance, RFSequence

if TYPE_CHECKING:
    from engine.parameters import Parameters
    from engine.pipeline import Settings

BLOCK_BYTES = 1 << 20

Cancelled = Callable[[], bool]


def make_provenance(
    sequence: RFSequence, settings: "Settings", cancelled: Cancelled = lambda: False, *, hashed: bool = True
) -> Provenance:
    """Describe the run of `settings` on `sequence`, defaults filled in, so that it can be made again.

    Parameters
    ----------
    sequence, settings
        What is estimated, and how. What a result was opened with is described as in its file.
    cancelled
        Asked while the files are read for their hash, which takes seconds for gigabytes.
    hashed
        Without it there is no hash of the files, only the recording's key.

    Returns
    -------
    Provenance
        Method, every parameter, hashes of weights and input, program version.

    Raises
    ------
    CancelledError
        `cancelled` said so.
    ReadError
        A file cannot be read any more.
    """
    made = describe_run(sequence, settings)
    if sequence.result is not None and made is sequence.result.provenance:
        return made
    return replace(
        made,
        input_sha256=input_sha256(sequence, cancelled) if hashed else "",
        recording_key=recording_key(sequence, cancelled),
    )


def describe_run(sequence: RFSequence, settings: "Settings") -> Provenance:
    """Describe a run as `make_provenance` does, but for its recording's hash and key: at once, as for a preview."""
    from engine.estimators.base import ESTIMATORS

    result = sequence.result
    if result is not None and result.provenance.method == settings.method and not _can_run(settings):
        return result.provenance  # settings of a method that only the result's program had
    settings = settings.resolved()
    assert settings.parameters is not None
    assert settings.strain_parameters is not None
    estimator = ESTIMATORS.get(settings.method)
    card = estimator.card_for(settings.parameters)
    made = Provenance(
        method=settings.method,
        parameters={
            "title": method_title(estimator.title, settings.parameters),
            "method": settings.parameters.as_dict(),
            "preparation": settings.preparation.as_dict(),
            "strain_method": settings.strain_method,
            "strain": settings.strain_parameters.as_dict(),
            **({"notes": list(sequence.notes)} if sequence.notes else {}),
        },
        weights_sha256="" if card is None else card.sha256,
        program_version=__version__,
        input_sha256="",
        recording_name=sequence.paths[0].name if sequence.paths else "",
    )
    same = result is not None and result.reference_frame == settings.reference
    if result is not None and same and _as_text(result.provenance) == _as_text(made):
        return result.provenance
    return made


def _can_run(settings: "Settings") -> bool:
    try:
        settings.resolved()
    except StrainscopeError:
        return False
    return True


def _as_text(provenance: Provenance) -> str:
    """Write method and parameters as text: those that went through a file have lists where there were tuples."""
    parameters = {name: value for name, value in provenance.parameters.items() if name != "title"}
    return json.dumps([provenance.method, parameters], sort_keys=True)


@contextmanager
def unchanged_input(sequence: RFSequence) -> Iterator[None]:
    """Raise a ReadError at the end if the recording's files were written to meanwhile: the provenance would be false.

    Within the block frames are estimated, after their hash was taken.
    """
    files = stamps(sequence.files)
    yield
    for file in files:
        file.require()


def method_title(title: str, parameters: "Parameters | None") -> str:
    """Name a run: results of adapted weights, or of others than those in the box, say so wherever they are shown."""
    weights = Path(str(getattr(parameters, "weights", "") or ""))
    if not weights.name:
        return title
    return f"{title}, adapted" if weights.parent.name == "adapted" else f"{title}, weights {weights.stem}"


def input_sha256(sequence: RFSequence, cancelled: Cancelled = lambda: False) -> str:
    """SHA-256 of the bytes of the recording's files, one after the other, companions last.

    For a recording of one file this is the file's own SHA-256. A recording without files is hashed by its frames.
    """
    digest = hashlib.sha256()
    for path in sequence.files:
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK_BYTES):
                    _stop_if(cancelled)
                    digest.update(block)
        except OSError as error:
            raise ReadError(path, f"cannot be read any more ({error.strerror})") from error
    if not sequence.paths:
        for index in range(sequence.shape[0]):
            _stop_if(cancelled)
            digest.update(sequence.frame(index).tobytes())
    return digest.hexdigest()


def _stop_if(cancelled: Cancelled) -> None:
    if cancelled():
        raise CancelledError("cancelled")
