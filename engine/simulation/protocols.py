"""The named protocols, all in one table."""

from dataclasses import replace

from engine.errors import ParameterError
from engine.simulation.bank import FREE, TEHRANI_RIVAZ
from engine.simulation.difficulty import NONE, Difficulty
from engine.simulation.draw_motion import draw_slip, draw_vessel
from engine.simulation.phantom import PhantomRecipe
from engine.simulation.protocol import SOUND_SPEED_M_S, STANDARD, Protocol
from engine.simulation.variations import NON_PROPORTIONAL, VARIATIONS, vary_freely, vary_motion, vary_one_thing
from engine.types import Geometry

__all__ = ["PROTOCOLS", "STANDARD", "VARIATIONS", "Protocol", "protocol"]


def protocol(name: str) -> Protocol:
    """Return the protocol of a name, or raise a ParameterError that lists them."""
    if name not in PROTOCOLS:
        raise ParameterError(f"no protocol is called {name!r}; there are: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def _steps(first: float, last: float, step: float) -> tuple[float, ...]:
    return tuple(round(first + step * number, 6) for number in range(round((last - first) / step) + 1))


_TEHRANI_NUMBERS = tuple(number for number in range(1, 26) if number != 11)
_WIDE = replace(STANDARD, pitch_m=0.3e-3)
_FOUR_STRAINS = (0.005, 0.015, 0.030, 0.045)
_MIXED = replace(TEHRANI_RIVAZ, background_pa=(20e3, 60e3), contrast=(0.3, 4.0), least_contrast=1.5, aspect=(0.7, 1.4))
"""Soft and stiff lesions in even numbers."""

_TEHRANI = Protocol(
    "tehrani-rivaz",
    "24 phantoms, soft inclusions of 18-23 kPa in 40-60 kPa, 0.5 to 4.5 % (after Tehrani & Rivaz 2020)",
    _steps(0.005, 0.045, 0.005),
    numbers=_TEHRANI_NUMBERS,
    draws=10,
    fewer_draws=((25, 6),),
)
_NOISY = Difficulty(
    snr_db=(8.0, 25.0),
    correlation=(0.95, 1.0),
    gain_error=0.1,
    bulk_axial_samples=3.0,
    bulk_lateral_lines=0.5,
    shear=0.004,
    tilt=0.2,
    texture_db=1.5,
    echo_gain=(0.5, 1.5),
)
_PEER = Protocol(
    "peer-clean",
    "2048 x 128, 0.5, 1.5, 3.0 and 4.5 %, without noise",
    _FOUR_STRAINS,
    recipe=_MIXED,
    geometry=_WIDE,
    shape=(2048, 128),
    numbers=tuple(range(1, 21)),
    family="wide",
)
_FREE = Protocol(
    "free",
    "Everything at random: scanner, phantom, motion, noise",
    _steps(0.005, 0.045, 0.005),
    recipe=FREE,
    numbers=tuple(range(1, 1001)),
    difficulty=Difficulty((10.0, 40.0), None, (0.9, 1.0), NONE, 0.1, 10.0, 2.0, 0.01, 0.4, 2.0, (0.3, 2.0)),
    vary=vary_freely,
)
_SLIP = Protocol(
    "slip",
    "A layer that slides sideways over the one above it, by up to 3 lines, in compression of 0.5 to 3 %",
    _steps(0.005, 0.03, 0.005),
    recipe=replace(_MIXED, radius_m=(2e-3, 3e-3), span_m=18e-3, inclusions=(0, 1), deepest_m=22e-3),
    geometry=replace(STANDARD, pitch_m=0.2e-3),
    shape=(1280, 128),
    numbers=tuple(range(1, 101)),
    difficulty=Difficulty(snr_db=(15.0, 30.0), correlation=(0.97, 1.0)),
    extra_motion=draw_slip,
)
_SMALL_NOISY = replace(
    _PEER,
    name="small-noisy",
    title="1024 x 64, otherwise like noisy; quick",
    shape=(1024, 64),
    recipe=replace(_MIXED, radius_m=(2.5e-3, 4.5e-3), span_m=16e-3, inclusions=(1, 1), deepest_m=19e-3),
    difficulty=_NOISY,
    family="small",
)

PROTOCOLS: dict[str, Protocol] = {
    entry.name: entry
    for entry in (
        _TEHRANI,
        replace(
            _TEHRANI,
            name="tehrani-rivaz-stiff",
            title="The same with stiff inclusions: 40-60 kPa in 18-23 kPa",
            recipe=replace(TEHRANI_RIVAZ, background_pa=(18e3, 23e3), inclusion_pa=(40e3, 60e3)),
        ),
        Protocol(
            "gluenet",
            "One soft inclusion, 0.5 to 7 %, uniform noise to a PSNR of 12.7 dB (after Kibria & Rivaz 2018)",
            _steps(0.005, 0.07, 0.005),
            recipe=replace(TEHRANI_RIVAZ, inclusions=(1, 1), span_m=20e-3),
            difficulty=Difficulty(psnr_db=12.7),
        ),
        Protocol(
            "end-to-end-cnn",
            "50 phantoms of 30 x 50 mm, 8, 14, 45 or 80 kPa in 25 kPa, 6 MHz (after Wu et al. 2018)",
            (0.005, 0.01, 0.015, 0.02, 0.025, 0.03),
            recipe=PhantomRecipe(
                width_m=30e-3,
                background_pa=(25e3, 25e3),
                choices_pa=(8e3, 14e3, 45e3, 80e3),
                inclusions=(1, 1),
                span_m=20e-3,
            ),
            geometry=Geometry(40e6, 6e6, SOUND_SPEED_M_S, 30e-3 / 128),
            shape=(2560, 128),
            numbers=tuple(range(1, 51)),
        ),
        _FREE,
        _PEER,
        replace(
            _PEER,
            name="peer-noisy",
            title="The same with uniform noise to a PSNR of 12.7 dB and 10-15 % of the scatterers exchanged per frame",
            difficulty=Difficulty(psnr_db=12.7, exchanged=(0.10, 0.15)),
        ),
        replace(_PEER, name="clean", title="2048 x 128, soft and stiff lesions, without noise"),
        replace(
            _PEER,
            name="noisy",
            title="2048 x 128, soft and stiff lesions, noise, decorrelation, gain error and hand movement",
            difficulty=_NOISY,
        ),
        _SMALL_NOISY,
        replace(
            _SMALL_NOISY,
            name="non-proportional",
            title="1024 x 64, noisy; frames that show no common pattern: hardening, contact, slip, vessel, tremor",
            recipe=replace(_SMALL_NOISY.recipe, depth_m=30e-3),
            numbers=tuple(range(1, 101)),
            family="non-proportional",
            vary=vary_motion,
            labels=tuple(f"{motion}, {tissue}" for motion, tissue in NON_PROPORTIONAL),
        ),
        Protocol(
            "robustness",
            "One thing changed at a time: " + ", ".join(name for name, _ in VARIATIONS[1:]),
            (0.005, 0.015, 0.03),
            recipe=replace(
                _MIXED, contrast=(2.5, 2.5), radius_m=(2.2e-3, 2.6e-3), span_m=9e-3, inclusions=(1, 1), deepest_m=20e-3
            ),
            geometry=replace(STANDARD, pitch_m=0.2e-3),
            shape=(1280, 128),
            numbers=tuple(range(1, len(VARIATIONS) + 1)),
            difficulty=Difficulty(snr_db=(20.0, 20.0), correlation=(0.99, 0.99)),
            vary=vary_one_thing,
            labels=tuple(name for name, _ in VARIATIONS),
            one_phantom=True,
        ),
        _SLIP,
        replace(
            _SLIP,
            name="vessel",
            title="A vessel that widens by 1 to 4 % of its radius in a beat of 6 to 12 frames, under a slow hand",
            strains=_steps(0.0002, 0.0022, 0.0002),
            recipe=replace(_MIXED, inclusions=(0, 0)),
            extra_motion=draw_vessel,
        ),
    )
}
