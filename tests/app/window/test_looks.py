"""What must be told apart can be, in both themes; the time line draws the compression."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from app.state.run_store import FrameSummary
from app.theme import DARK, LIGHT, Theme, ThemeName, apply_theme
from app.views.image_pane import map_caption
from app.views.time_line import TimeLine
from engine.reliability.frame import FrameReliability


def summary(strain: float, valid_share: float = 1.0) -> FrameSummary:
    judged = FrameReliability(1, 0, valid_share, 0.9, 20.0)
    return FrameSummary(0, 2e-3, -0.02, 0.0, strain, 0.5, strain, judged, True, 4e-3, "infinitesimal")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_frames_that_wait_are_seen(qapp: QApplication, theme: ThemeName) -> None:
    apply_theme(qapp, theme)
    line = TimeLine()
    line.resize(400, 44)
    line.show_frames(4)
    line.show_summaries({1: summary(0.0)}, 0)
    strip = line._paint_strip()
    ground = QColor(Theme.colors.field)
    done, waiting = (QColor(strip.pixel(round((frame + 0.6) * strip.width() / 4), 2)) for frame in (1, 2))
    assert contrast(waiting, ground) > 1.3
    assert waiting != done


def contrast(one: QColor, other: QColor) -> float:
    """Ratio of luminances as WCAG defines it."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(color: QColor) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (color.redF(), color.greenF(), color.blueF())
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_line_of_compression_rises_with_it(qapp: QApplication) -> None:
    apply_theme(qapp, "dark")
    line = TimeLine()
    line.resize(400, 44)
    line.show_frames(4)
    line.show_summaries({1: summary(-0.005), 2: summary(-0.01), 3: summary(-0.02)}, 0)
    strip = line._paint_strip()
    color = QColor(Theme.colors.warning).rgb()
    heights = []
    for frame in (1, 2, 3):
        column = round((frame + 0.5) * strip.width() / 4)
        rows = [row for row in range(strip.height()) if strip.pixel(column, row) == color]
        heights.append(min(rows))
    assert heights[0] > heights[1] > heights[2]


def test_edges_of_controls_stand_out_in_both_themes() -> None:
    for colors in (DARK, LIGHT):
        for ground in (colors.panel, colors.field):
            assert contrast(QColor(colors.outline), QColor(ground)) >= 3.0


def test_a_caption_names_the_frame_first_so_that_a_long_name_may_be_cut() -> None:
    assert map_caption("GLUE on the whole recording", 4, 0) == "frame 4 against 0, GLUE on the whole recording"
    assert map_caption("", 4) == "frame 4"
