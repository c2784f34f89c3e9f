"""Files that people try and that hold no RF: recognised, so that the refusal can say what they are."""

from pathlib import Path
from typing import NoReturn

from engine.errors import ReadError
from engine.readers.base import READERS, Reader, ReadOptions

BMODE = "B-mode images, not RF: export the RF (raw, research) data from the scanner instead"
KINDS: tuple[tuple[int, bytes, str], ...] = (
    (128, b"DICM", f"is DICOM, into which scanners write {BMODE}"),
    (0, b"\x89PNG", "is a PNG picture, not RF"),
    (0, b"\xff\xd8\xff", "is a JPEG picture, not RF"),
    (0, b"GIF8", "is a GIF picture, not RF"),
    (0, b"BM", "is a BMP picture, not RF"),
    (0, b"II*\0", f"is a TIFF picture; these hold {BMODE}"),
    (0, b"MM\0*", f"is a TIFF picture; these hold {BMODE}"),
    (4, b"ftyp", "is an MP4 film, not RF"),
    (8, b"AVI ", "is an AVI film, not RF"),
    (0, b"\x1aE\xdf\xa3", "is a Matroska film, not RF"),
    (0, b"%PDF", "is a PDF document, not RF"),
    (
        0,
        b"RES_",
        "is the text part of a Stradwin recording, whose layout of RF is not public: open the .sxi beside it with "
        "--layout TYPE SIZES AXES, or save the RF from Stradwin in another format",
    ),
    (0, b"    -1", "is a universal file of vibration measurements, which shares only the suffix .uff with ultrasound"),
)


@READERS.entry
class NotRf(Reader):
    """Pictures, films and DICOM: every one is refused with a sentence."""

    name = "not-rf"
    title = "no RF"
    extensions = ()

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise magic numbers."""
        return _says(head) is not None

    def read(self, path: Path, options: ReadOptions) -> NoReturn:
        """Refuse."""
        with path.open("rb") as stream:
            head = stream.read(256)
        raise ReadError(path, _says(head) or "holds no RF")


def _says(head: bytes) -> str | None:
    return next((says for place, magic, says in KINDS if head[place : place + len(magic)] == magic), None)
