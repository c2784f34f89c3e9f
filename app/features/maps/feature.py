"""Maps beside strain: the View menu's choice, and the relative modulus."""

from functools import partial

from app.actions import Action
from app.features.maps.controller import MapsController
from app.features.maps.kept import MapKeeper
from app.state.maps import MapState
from app.window.feature import FEATURES, Entry, FeatureContext
from engine.maps.base import MAPS, StrainMap


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
        *(_choice(maps, entry, place) for place, entry in enumerate(MAPS)),
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


def _choice(maps: MapState, entry: StrainMap, place: int) -> Action:
    return Action(
        f"map_{entry.name}",
        entry.title,
        partial(maps.choose, entry.name),
        menu="View/&Map",
        place=150 + place,
        tip=entry.help,
        checkable=True,
        enabled=lambda: not maps.unavailable(entry.name),
        checked=lambda: maps.kind == entry.name,
    )


FEATURES.register("maps", build)
