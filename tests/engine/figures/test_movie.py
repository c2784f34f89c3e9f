"""Movies: as many frames as contents, even sizes, provenance inside, and nothing left behind on the way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import count_frames_and_secs, read_frames
from PIL import Image

from engine.errors import CancelledError, ParameterError, WriteError
from engine.figures import movie
from engine.figures.content import ColorScale, FigureContent, StrainPanel
from engine.figures.movie import compose_movie, save_movie
from engine.figures.movie_rate import MovieRate, movie_rate
from engine.figures.options import MovieOptions
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Result, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SOURCE = Provenance("ncc", {}, "", "0.1.0", "ab" * 32)
BASE = FigureContent(
    (StrainPanel("frame 0", np.zeros((300, 40), np.float32)),),
    GEOMETRY,
    scale=ColorScale(limits=(0.0, 3.0)),
    notes=False,
)


def contents(count: int = 3) -> list[FigureContent]:
    """Maps of 1, 2, 3 ... % compression."""
    maps = [np.full((300, 40), -0.01 * number, np.float32) for number in range(1, count + 1)]
    panels = [StrainPanel(f"frame {number}", values, source=SOURCE) for number, values in enumerate(maps, 1)]
    return [replace(BASE, strain=(panel,)) for panel in panels]


def test_an_mp4_has_every_frame_at_its_rate(tmp_path: Path) -> None:
    done: list[int] = []
    path = tmp_path / "strain.mp4"
    save_movie(contents(), path, MovieRate(5.0), dpi=60, progress=done.append)
    frames, seconds = count_frames_and_secs(str(path))
    assert frames == 3
    assert seconds == pytest.approx(0.6, abs=0.05)
    assert done == [1, 2, 3]
    size = next(iter(read_frames(str(path))))["size"]
    assert size[0] % 2 == size[1] % 2 == 0
    assert b"ab" * 32 in path.read_bytes()


def test_frames_of_a_gif_differ_and_tell_their_origin(tmp_path: Path) -> None:
    path = tmp_path / "strain.gif"
    save_movie(contents(), path, MovieRate(4.0), dpi=60)
    with Image.open(path) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]
        assert image.info["duration"] == 250
        assert b"ab" * 32 in image.info["comment"]
        first = np.asarray(image.convert("RGB")).copy()
        image.seek(2)
        assert np.abs(first.astype(int) - np.asarray(image.convert("RGB"))).max() > 50


def test_a_gif_of_many_frames_lasts_as_long_as_they_do(tmp_path: Path) -> None:
    path = tmp_path / "strain.gif"
    save_movie(contents(6), path, MovieRate(60.0), dpi=60)
    with Image.open(path) as image:
        delays = []
        for number in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(number)
            delays.append(image.info["duration"])
    assert sum(delays) == pytest.approx(1000 * 6 / 60, abs=25.0)
    assert min(delays) >= 20


def test_slow_motion_is_written_below_every_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[FigureContent] = []

    def draw(content: FigureContent, dpi: float) -> np.ndarray:
        drawn.append(content)
        return np.zeros((20, 20, 3), np.uint8)

    monkeypatch.setattr(movie, "drawn", draw)
    save_movie(contents(), tmp_path / "strain.gif", movie_rate(500.0, (1, 2, 3)))
    assert len(drawn) == 3
    assert all("20 times slower" in content.remarks[-1] for content in drawn)


def test_cancelling_leaves_nothing(tmp_path: Path) -> None:
    asked = iter([False, True])
    with pytest.raises(CancelledError):
        save_movie(contents(), tmp_path / "strain.mp4", MovieRate(5.0), dpi=60, cancelled=lambda: next(asked))
    assert not list(tmp_path.iterdir())


def test_wrong_wishes_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="mp4"):
        save_movie(contents(), tmp_path / "strain.avi", MovieRate(5.0))
    with pytest.raises(ParameterError, match="frames/s"):
        save_movie(contents(), tmp_path / "strain.mp4", MovieRate(0.0))
    with pytest.raises(WriteError, match="no frame"):
        save_movie([], tmp_path / "strain.mp4", MovieRate(5.0))


def test_a_movie_that_a_full_disk_cut_short_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "strain.mp4"
    save_movie(contents(), path, MovieRate(5.0), dpi=60)
    whole = path.read_bytes()
    for size in (0, 8, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not movie._is_whole_mp4(path)
    path.unlink()
    monkeypatch.setattr(movie, "_is_whole_mp4", lambda _path: False)
    with pytest.raises(WriteError, match=r"strain\.mp4: the movie is incomplete"):
        save_movie(contents(), path, MovieRate(5.0), dpi=60)
    assert list(tmp_path.iterdir()) == []


def result(frames: int = 6) -> Result:
    """Frames 1, 2, ... of as many per cent, 20 frames a second."""

    def read(row: int) -> FrameEstimate:
        values = np.full((300, 40), -0.01 * (row + 1), np.float32)
        still = np.zeros_like(values)
        geometry = replace(GEOMETRY, frame_rate_hz=20.0)
        displacement, strain = Displacement(still, still, geometry), Strain(values, geometry, 2e-3)
        return FrameEstimate(0, row + 1, displacement, strain, np.ones_like(values))

    numbers = tuple(range(1, frames + 1))
    return Result((frames, 300, 40), replace(GEOMETRY, frame_rate_hz=20.0), 0, numbers, SOURCE, read)


def test_range_rate_and_speed_are_chosen() -> None:
    plan = compose_movie(result())
    assert (plan.frames, plan.rate.hz) == (6, 20.0)
    plan = compose_movie(result(), options=MovieOptions(first=2, last=4, rate_hz=5.0, speed=2.0))
    assert (plan.frames, plan.rate.hz) == (3, 10.0)
    shown = list(plan.contents)
    assert [content.strain[0].title for content in shown] == [f"ncc, frame {frame} against 0" for frame in (2, 3, 4)]
    assert len({content.scale.limits for content in shown}) == 1
    with pytest.raises(ParameterError, match="no frame from 9 to 9 was estimated"):
        compose_movie(result(), options=MovieOptions(first=9, last=9))


@pytest.mark.parametrize(("loops", "repeated"), [(0, 0), (1, None), (3, 2)])
def test_a_gif_plays_as_often_as_asked(tmp_path: Path, loops: int, repeated: int | None) -> None:
    path = tmp_path / "strain.gif"
    save_movie(contents(), path, MovieRate(10.0), dpi=50, loops=loops)
    with Image.open(path) as image:
        assert image.info.get("loop") == repeated
