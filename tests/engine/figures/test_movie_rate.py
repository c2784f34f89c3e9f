"""Rates of movies: the recording's own where it can be seen, otherwise slow or fast motion that says so."""

import pytest

from engine.errors import ParameterError
from engine.figures.movie_rate import gif_frames, movie_rate

FRAMES = tuple(range(1, 11))


def test_a_recording_plays_at_its_own_rate_without_a_word() -> None:
    found = movie_rate(23.0, FRAMES)
    assert (found.hz, found.words) == (23.0, "")


def test_a_fast_recording_plays_in_slow_motion_and_says_by_how_much() -> None:
    found = movie_rate(500.0, FRAMES)
    assert found.hz == 25.0
    assert found.words == "Slow motion, 20 times slower: 500 frames/s, shown 25 a second."


def test_every_fifth_frame_counts_for_five() -> None:
    found = movie_rate(500.0, (5, 10, 15, 20))
    assert (found.hz, found.words) == (100.0, "")


def test_a_recording_slower_than_any_movie_plays_in_fast_motion() -> None:
    assert movie_rate(0.05, FRAMES).words == "Fast motion, 200 times faster: 0.05 frames/s, shown 10 a second."


def test_an_unknown_rate_has_a_usual_one_and_no_factor() -> None:
    found = movie_rate(None, FRAMES)
    assert (found.hz, found.words) == (10.0, "")


def test_a_rate_that_was_asked_for_is_taken_and_compared() -> None:
    found = movie_rate(20.0, FRAMES, 5.0)
    assert found.hz == 5.0
    assert found.words.startswith("Slow motion, 4 times slower")
    with pytest.raises(ParameterError, match="120 frames/s, found 200"):
        movie_rate(20.0, FRAMES, 200.0)


@pytest.mark.parametrize("rate_hz", [0.1, 4.0, 23.0, 30.0, 50.0, 60.0, 120.0])
def test_every_frame_of_a_gif_begins_at_its_own_time(rate_hz: float) -> None:
    count = 100
    shown = list(gif_frames(range(count), rate_hz))
    delays = [delay for _, delay in shown]
    assert all(delay % 10 == 0 and delay >= 20 for delay in delays)
    began_ms = 0
    for number, delay in shown:
        assert began_ms == pytest.approx(1000 * number / rate_hz, abs=5.0)
        began_ms += delay
    assert began_ms == pytest.approx(1000 * count / rate_hz, abs=25.0)
    assert (len(shown) == count) == (rate_hz <= 50.0)


def test_one_frame_alone_has_a_delay() -> None:
    assert list(gif_frames(["only"], 4.0)) == [("only", 250)]
    assert list(gif_frames([], 4.0)) == []
