"""Movies of figures: MP4 (H.264, through ffmpeg) or GIF, one figure a frame, whole or not at all.

Every frame is drawn as a figure for a paper is. The colour limits are those of the contents, so give all the same.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import CancelledError, ParameterError, WriteError
from engine.figures.figure import FigureContent, drawn
from engine.figures.words import provenance_text
from engine.files.atomic import atomic_path

FORMATS = (".mp4", ".gif")
SLOWEST_HZ, FASTEST_HZ = 0.1, 120.0

Picture = NDArray[np.uint8]


def save_movie(
    contents: Iterable[FigureContent],
    path: Path,
    frames_per_second: float,
    dpi: float = 150,
    progress: Callable[[int], None] = lambda done: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Draw the contents one after the other; all pages take the size of the first, which is even in both directions.

    Cancelling is a CancelledError and leaves no file. `progress(done)` counts frames.
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise WriteError(f"cannot write {path}: a movie ends in {' or '.join(FORMATS)}")
    if not SLOWEST_HZ <= frames_per_second <= FASTEST_HZ:
        raise ParameterError(f"a movie plays {SLOWEST_HZ:g} to {FASTEST_HZ:g} frames/s, found {frames_per_second:g}")
    comment: list[str] = []
    pictures = _pictures(contents, dpi, progress, cancelled, comment)
    first = next(pictures, None)
    if first is None:
        raise WriteError(f"cannot write {path}: there is no frame to write")
    with atomic_path(path) as temporary:
        write = _write_mp4 if kind == ".mp4" else _write_gif
        write(temporary, first, pictures, frames_per_second, comment[0])


def _pictures(
    contents: Iterable[FigureContent],
    dpi: float,
    progress: Callable[[int], None],
    cancelled: Callable[[], bool],
    comment: list[str],
) -> Iterator[Picture]:
    shape = None
    for done, content in enumerate(contents, start=1):
        if cancelled():
            raise CancelledError("cancelled")
        picture = drawn(content, dpi)
        if shape is None:
            shape = (picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2)
            comment.append(provenance_text(content))
        yield _fitted(picture, shape)
        progress(done)


def _fitted(picture: Picture, shape: tuple[int, int]) -> Picture:
    """Cut or fill with white, at the bottom and on the right."""
    page: Picture = np.full((*shape, 3), 255, np.uint8)
    height, width = min(shape[0], picture.shape[0]), min(shape[1], picture.shape[1])
    page[:height, :width] = picture[:height, :width]
    return page


def _write_mp4(path: Path, first: Picture, rest: Iterator[Picture], rate_hz: float, comment: str) -> None:
    from imageio_ffmpeg import write_frames

    size = (first.shape[1], first.shape[0])
    settings = ["-f", "mp4", "-metadata", f"comment={comment}", "-crf", "18"]
    writer = write_frames(
        str(path),
        size,
        fps=rate_hz,
        codec="libx264",
        macro_block_size=2,
        output_params=settings,
        ffmpeg_log_level="error",
    )
    try:
        writer.send(None)
        writer.send(np.ascontiguousarray(first).data)
        for picture in rest:
            writer.send(np.ascontiguousarray(picture).data)
    finally:
        writer.close()
    if not _is_whole_mp4(path):
        raise OSError("the movie is incomplete; is the disk full?")


def _is_whole_mp4(path: Path) -> bool:
    """Say whether all boxes of an MP4 file are there, its index among them: ffmpeg ends quietly on a full disk.

    ISO/IEC 14496-12, 4.2: each box begins with its size (1: the size follows in 64 bits) and its type.
    """
    length, place, kinds = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while place + 8 <= length:
            file.seek(place)
            size, kind = struct.unpack(">I4s", file.read(8))
            if size == 1:
                size = int.from_bytes(file.read(8), "big")
            if size < 8:
                return False
            kinds.add(kind)
            place += size
    return place == length and {b"moov", b"mdat"} <= kinds


def _write_gif(path: Path, first: Picture, rest: Iterator[Picture], rate_hz: float, comment: str) -> None:
    from PIL import Image

    pages = (Image.fromarray(picture) for picture in rest)
    Image.fromarray(first).save(
        path,
        format="GIF",
        save_all=True,
        append_images=pages,
        duration=round(1000 / rate_hz),
        loop=0,
        comment=comment.encode("utf-8"),
    )
