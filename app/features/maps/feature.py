"""Maps beside strain: the View menu's choice, and the relative modulus."""

from functools import partial

from app.actions import Action
from app.features.maps.controller import MapsController
from app.features.maps.kept import MapKeeper
from app.state.maps import MAP_TITLES, MapKind, MapState
from app.window.feature import FEATURES, Entry, FeatureContext


def build(context: FeatureContext) -> tuple[Entry, ...]:
    """View menu, Strain menu."""
    maps = context.state.slice(MapState)
    controller = context.commands.part(MapsController)
    controller.failed.connect(context.show_error)
    context.commands.part(MapKeeper)
    maps.map_changed.connect(context.refresh)
    maps.kind_changed.connect(context.refresh)
    maps.modulus_changed.connect(context.refresh)
    return (
        *(_choice(maps, kind, place) for place, kind in enumerate(MAP_TITLES)),
        Action(
            "modulus",
            "Compute relative &modulus",
            controller.compute,
            menu="Strain",
            place=200,
            key="Ctrl+M",
            tip="Relative Young's modulus of the shown frame; the background's median is 1",
            enabled=lambda: not controller.cannot_compute() and not controller.is_running(),
        ),
    )


def _choice(maps: MapState, kind: MapKind, place: int) -> Action:
    return Action(
        f"map_{kind}",
        MAP_TITLES[kind],
        partial(maps.choose, kind),
        menu="View/&Map",
        place=150 + place,
        tip=f"Show beside the B-mode: {MAP_TITLES[kind].lower()}",
        checkable=True,
        enabled=lambda: not maps.unavailable(kind),
        checked=lambda: maps.kind == kind,
    )


FEATURES.register("maps", build)
