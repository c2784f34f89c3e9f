"""Image layout and theme."""

from functools import partial

from app.actions import Action
from app.theme import ThemeName
from app.views.dual_view import LAYOUTS, LayoutName
from app.window.feature import FEATURES, Entry, FeatureContext

THEMES: tuple[ThemeName, ...] = ("system", "light", "dark")


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """View menu: layout and theme."""
    preferences, view = context.preferences, context.central.view

    def choose_layout(name: LayoutName) -> None:
        preferences.layout = name
        view.set_layout(name)

    layouts = (
        Action(
            f"layout {name}",
            name.capitalize(),
            partial(choose_layout, name),
            menu="View/Image &layout",
            place=810,
            checkable=True,
            checked=partial(lambda shown: preferences.layout == shown, name),
        )
        for name in LAYOUTS
    )
    themes = (
        Action(
            f"theme {name}",
            name.capitalize(),
            partial(context.set_theme, name),
            menu="View/&Theme",
            place=820,
            checkable=True,
            checked=partial(lambda shown: preferences.theme == shown, name),
        )
        for name in THEMES
    )
    context.at_start.append(lambda: view.set_layout(preferences.layout))
    return (*layouts, *themes)


FEATURES.register("appearance", build)
