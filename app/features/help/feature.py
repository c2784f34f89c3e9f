"""The guide, the list of keys, and what this program is."""

from functools import partial

from app.actions import Action
from app.features.help.about import show_about, show_keys
from app.features.help.guide import GuideWindow
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """Help menu."""
    window = context.window

    def keys() -> None:
        show_keys(window, context.key_rows())

    def guide() -> None:
        shown = window.findChild(GuideWindow) or GuideWindow(window)
        shown.show()
        shown.raise_()

    return (
        Action("guide", "User &guide", guide, "Help", 90, key="Shift+F1", tip="A short illustrated guide"),
        Action("keys", "&Keys", keys, "Help", 100, key="F1", tip="List of keys"),
        Action("about", "&About Strainscope", partial(show_about, window), "Help", 900),
    )


FEATURES.register("help", build)
