"""Play, and go to a frame."""

from PySide6.QtCore import Qt

from app.actions import Action
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """View menu: frames."""
    state, playback = context.state, context.commands.playback

    def opened() -> bool:
        return state.recording is not None

    return (
        Action(
            "play", "&Play", playback.toggle, "View", 200, icon="play", plain_keys=(Qt.Key.Key_Space,),
            key_words="Play, or pause", enabled=opened,
            words=lambda: ("&Pause" if state.playing else "&Play") + "\tSpace",
        ),
        Action("first", "&First frame", playback.first, "View", 201, plain_keys=(Qt.Key.Key_Home,), enabled=opened),
        Action("last", "&Last frame", playback.last, "View", 202, plain_keys=(Qt.Key.Key_End,), enabled=opened),
        Action(
            "best", "&Go to the most reliable frame", playback.best, "View", 203, plain_keys=(Qt.Key.Key_G,),
            tip="The frame whose strain stands farthest above its uncertainty over most of the map", enabled=opened,
        ),
        Action(
            "best_contrast", "Go to the frame of the highest C&NR", playback.best_contrast, "View", 204, enabled=opened,
            tip="Of the highest CNR, or of the highest SNRe where there are no two regions to measure",
        ),
    )  # fmt: skip


FEATURES.register("playing", build)
