"""Movies of figures: MP4 (H.264, through ffmpeg) or GIF, one figure a frame, whole or not at all.

Every frame is drawn as a figure for a paper is. The colour limits are those of the contents, so give all the same.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.errors import CancelledError, ParameterError, WriteError
from engine.figures.compose import Choices, ReadRF, compose_frames
from engine.figures.content import FigureContent
from engine.figures.movie_rate import MovieRate, check_rate, gif_frames, movie_rate
from engine.figures.options import MovieOptions
from engine.figures.save import drawn
from engine.figures.words import provenance_text
from engine.files.atomic import atomic_path
from engine.maps.reading import ReadMap
from engine.types import Result

FORMATS = (".mp4", ".gif")

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class MoviePlan:
    """Figures to be drawn one after the other, how many there are, and how fast they play."""

    contents: Iterable[FigureContent]
    frames: int
    rate: MovieRate


def compose_movie(
    result: Result,
    choices: Choices | None = None,
    options: MovieOptions | None = None,
    read_rf: ReadRF | None = None,
    read_map: ReadMap | None = None,
) -> MoviePlan:
    """Choose the frames of a movie and compose them.

    Parameters
    ----------
    result, choices, read_rf, read_map
        As for `compose`.
    options
        First and last frame, rate in frames a second, and speed.

    Returns
    -------
    MoviePlan
        Contents, composed as they are asked for, how many, and the rate: what `save_movie` draws.

    Raises
    ------
    ParameterError
        No frame of the range was estimated.
    """
    options = options or MovieOptions()
    last = options.last or result.deformed_frames[-1]
    frames = tuple(frame for frame in result.deformed_frames if options.first <= frame <= last)
    if not frames:
        raise ParameterError(f"no frame from {options.first} to {last} was estimated")
    recording_hz = result.geometry.frame_rate_hz
    rate = movie_rate(recording_hz, frames, options.rate_hz or None)
    if options.speed != 1:
        rate = movie_rate(recording_hz, frames, rate.hz * options.speed)
    return MoviePlan(
        compose_frames(result, choices, read_rf=read_rf, read_map=read_map, frames=frames), len(frames), rate
    )


def save_movie(
    contents: Iterable[FigureContent],
    path: Path,
    rate: MovieRate,
    dpi: float = 150,
    progress: Callable[[int], None] = lambda done: None,
    cancelled: Callable[[], bool] = lambda: False,
    loops: int = 0,
) -> None:
    """Draw figures one after the other; all pages take the size of the first, which is even in both directions.

    What the rate says of slow or fast motion stands below each picture.

    Parameters
    ----------
    contents
        What `compose_movie` gives as its `contents`.
    path
        `.mp4` or `.gif`; the file appears when it is complete.
    rate
        Pictures a second, and what is to be said of it.
    dpi
        Pixels per inch.
    progress
        Called as `progress(done)` with the number of frames drawn.
    cancelled
        Asked before every frame.
    loops
        How often a GIF plays, 0 for ever.

    Raises
    ------
    WriteError
        The suffix is another, there is no frame, or the file cannot be written.
    CancelledError
        `cancelled()` was true; no file is left.

    >>> plan = compose_movie(result, read_rf=sequence.frame)  # doctest: +SKIP
    >>> save_movie(plan.contents, Path("arm.mp4"), plan.rate)  # doctest: +SKIP
    """
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise WriteError(f"cannot write {path}: a movie ends in {' or '.join(FORMATS)}")
    check_rate(rate.hz)
    comment: list[str] = []
    numbered = enumerate((_with_rate(content, rate) for content in contents), start=1)
    timed = gif_frames(numbered, rate.hz) if kind == ".gif" else ((entry, 0) for entry in numbered)
    pictures = _pictures(timed, dpi, progress, cancelled, comment)
    first = next(pictures, None)
    if first is None:
        raise WriteError(f"cannot write {path}: there is no frame to write")
    with atomic_path(path) as temporary:
        if kind == ".mp4":
            _write_mp4(temporary, first[0], (picture for picture, _ in pictures), rate.hz, comment[0])
        else:
            _write_gif(temporary, first, pictures, comment[0], loops)


def _with_rate(content: FigureContent, rate: MovieRate) -> FigureContent:
    return replace(content, remarks=(*content.remarks, rate.words)) if rate.words else content


def _pictures(
    contents: Iterable[tuple[tuple[int, FigureContent], int]],
    dpi: float,
    progress: Callable[[int], None],
    cancelled: Callable[[], bool],
    comment: list[str],
) -> Iterator[tuple[Picture, int]]:
    """Draw numbered contents, each with its delay in milliseconds, and pass the delay on."""
    shape = None
    for (done, content), delay_ms in contents:
        if cancelled():
            raise CancelledError("cancelled")
        picture = drawn(content, dpi)
        if shape is None:
            shape = (picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2)
            comment.append(provenance_text(content))
        yield _fitted(picture, shape), delay_ms
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


def _write_gif(
    path: Path, first: tuple[Picture, int], rest: Iterator[tuple[Picture, int]], comment: str, loops: int
) -> None:
    from PIL import Image

    def page(entry: tuple[Picture, int]) -> Image.Image:
        image = Image.fromarray(entry[0])
        image.info["duration"] = entry[1]
        return image

    again = {} if loops == 1 else {"loop": max(loops - 1, 0)}  # counts repetitions; without one it plays once
    page(first).save(
        path, format="GIF", save_all=True, append_images=map(page, rest), comment=comment.encode("utf-8"), **again
    )
