"""Named protocols: how many phantoms, draws of scatterers and frames a simulated data set has, and what they are.

A protocol, a phantom's number, a draw and a seed decide a recording completely. Phantoms do not depend on the draw,
so several draws show the same motion in different speckle.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from engine.errors import ParameterError
from engine.simulation.bank import FREE, TEHRANI_RIVAZ
from engine.simulation.mechanics import Compression, UnitField, compress
from engine.simulation.phantom import PhantomRecipe, draw_phantom
from engine.simulation.recording import ELEMENT_M, Plan, SimulatedRecording, simulate_with
from engine.simulation.renderer import Imaging
from engine.simulation.sequences import Degradation, FrameLoad
from engine.types import Geometry

SOUND_SPEED_M_S = 1540.0
STANDARD = Geometry(40e6, 5e6, SOUND_SPEED_M_S, 0.15e-3)
"""5 MHz sampled with 40 MHz, 0.15 mm pitch: the default where a paper does not say."""

Range = tuple[float, float]
NONE: Range = (0.0, 0.0)


@dataclass(frozen=True)
class Difficulty:
    """Ranges of what a recording adds to pure compression; shifts are in samples and lines, drawn up to +-."""

    snr_db: Range | None = None
    psnr_db: float | None = None
    correlation: Range = (1.0, 1.0)
    exchanged: Range = NONE
    gain_error: float = 0.0
    bulk_axial_samples: float = 0.0
    bulk_lateral_lines: float = 0.0
    shear: float = 0.0
    tilt: float = 0.0
    texture_db: float = 0.0
    echo_gain: Range = (1.0, 1.0)
    """Amplitude of the echoes in inclusions, drawn log-uniformly."""

    def degradation(self, random: np.random.Generator, frames: int) -> Degradation:
        """Draw noise, decorrelation and gain."""
        return Degradation(
            snr_db=random.uniform(*self.snr_db) if self.snr_db else np.inf,
            psnr_db=self.psnr_db if self.psnr_db is not None else np.inf,
            correlation=random.uniform(*self.correlation),
            exchanged=random.uniform(*self.exchanged),
            gains=tuple((1 + self.gain_error * random.uniform(-1, 1, frames)).tolist()) if self.gain_error else (),
        )

    def echo_gains(self, random: np.random.Generator, inclusions: int) -> tuple[float, ...]:
        """Draw the brightness of each inclusion."""
        low, high = np.log(self.echo_gain)
        return tuple(np.exp(random.uniform(low, high, inclusions)).tolist())

    def loads(self, random: np.random.Generator, strains: tuple[float, ...], geometry: Geometry) -> list[FrameLoad]:
        """Draw a drift of the hand that grows with the frames and trembles."""
        axial, lateral, shear, rotation = random.uniform(-1, 1, 4)
        loads = []
        for number, strain in enumerate(strains, start=1):
            part = (number + random.uniform(-0.5, 0.0)) / len(strains)
            loads.append(
                FrameLoad(
                    strain,
                    part * axial * self.bulk_axial_samples * geometry.axial_spacing_m,
                    part * lateral * self.bulk_lateral_lines * geometry.pitch_m,
                    part * shear * self.shear,
                    part * rotation * self.shear,
                )
            )
        return loads


@dataclass(frozen=True)
class Protocol:
    """One simulated data set; `numbers` are its phantoms, `draws` the draws of scatterers of each."""

    name: str
    title: str
    strains: tuple[float, ...]
    recipe: PhantomRecipe = TEHRANI_RIVAZ
    geometry: Geometry = STANDARD
    shape: tuple[int, int] = (2048, 256)
    numbers: tuple[int, ...] = tuple(range(1, 26))
    draws: int = 1
    fewer_draws: tuple[tuple[int, int], ...] = ()
    difficulty: Difficulty = field(default_factory=Difficulty)
    imaging: Imaging = field(default_factory=Imaging)
    vary: Callable[["Protocol", int, np.random.Generator], "Protocol"] | None = None
    family: str = ""
    """Protocols of one family share phantoms and speckle, so that noise alone makes the difference."""
    labels: tuple[str, ...] = ()
    one_phantom: bool = False
    """Whether all numbers are the same phantom, under different scanners or motions."""

    def draws_of(self, number: int) -> int:
        """Draws of scatterers of one phantom."""
        return dict(self.fewer_draws).get(number, self.draws)

    def label(self, number: int, draw: int) -> str:
        """Return the name of a recording in a table."""
        return self.labels[number - 1] if self.labels else f"{self.name} {number}.{draw}"

    def plan(self, number: int, seed: int) -> Plan:
        """Draw phantom `number`; a number outside `numbers` is a ParameterError."""
        if number not in self.numbers:
            raise ParameterError(f"protocol {self.name} has no phantom {number}")
        state = [seed, _code(self.family or self.name), 0 if self.one_phantom else number]
        random = np.random.default_rng(state)
        this = self.vary(self, number, random) if self.vary else self
        tilt = this.difficulty.tilt * random.uniform(-1, 1)
        phantom = draw_phantom(random, this.recipe)
        return Plan(
            phantom=phantom,
            geometry=this.geometry,
            shape=this.shape,
            loads=tuple(this.difficulty.loads(random, this.strains, this.geometry)),
            compression=Compression(tilt=float(tilt)),
            imaging=this.imaging,
            degradation=this.difficulty.degradation(random, len(this.strains)),
            echo_gains=this.difficulty.echo_gains(random, len(phantom.inclusions)),
            texture_db=this.difficulty.texture_db,
            texture_seed=number,
        )

    def recordings(
        self,
        numbers: tuple[int, ...],
        seed: int,
        device: torch.device | None = None,
        draws: int | None = None,
    ) -> Iterator[tuple[int, int, SimulatedRecording]]:
        """Simulate phantom by phantom: number, draw and recording; each phantom's mechanics are solved once."""
        for number in numbers:
            plan = self.plan(number, seed)
            field_m = compress(plan.phantom, plan.compression, ELEMENT_M)
            for draw in range(1, min(self.draws_of(number), draws or self.draws) + 1):
                yield number, draw, self.recording(plan, field_m, number, draw, seed, device)

    def recording(
        self, plan: Plan, field_m: UnitField, number: int, draw: int, seed: int, device: torch.device | None = None
    ) -> SimulatedRecording:
        """Render one draw of scatterers of a phantom."""
        state = np.random.SeedSequence([seed, _code(self.family or self.name), number, draw]).generate_state(1)
        return simulate_with(field_m, plan, int(state[0]), device)


def protocol(name: str) -> Protocol:
    """Return the protocol of a name, or raise a ParameterError that lists them."""
    if name not in PROTOCOLS:
        raise ParameterError(f"no protocol is called {name!r}; there are: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def _vary_freely(base: Protocol, number: int, random: np.random.Generator) -> Protocol:
    """Draw scanner, image size and largest strain."""
    center_hz = random.uniform(4e6, 10e6)
    sampling_hz = random.uniform(max(20e6, 4 * center_hz), 60e6)
    pitch_m = float(np.exp(random.uniform(np.log(0.1e-3), np.log(0.4e-3))))
    lines = int(np.clip(random.uniform(20e-3, 50e-3) / pitch_m, 64, 512))
    geometry = Geometry(sampling_hz, center_hz, SOUND_SPEED_M_S, pitch_m, random.choice([0.0, random.uniform(0, 5e-3)]))
    rows = int(random.uniform(25e-3, 40e-3) / geometry.axial_spacing_m)
    largest = float(np.exp(random.uniform(np.log(0.01), np.log(0.05))))
    steps = np.sort(random.uniform(0.05, 1.0, len(base.strains)))
    imaging = Imaging(
        bandwidth_fraction=random.uniform(0.4, 0.8),
        f_number=random.uniform(1.5, 3.0),
        attenuation_db_cm_mhz=random.uniform(0.0, 0.7),
        phase_deg=random.uniform(-180, 180),
    )
    recipe = replace(
        base.recipe,
        width_m=max(60e-3, lines * pitch_m + 12e-3),
        inclusions=(1, 3),
        span_m=lines * pitch_m,
        deepest_m=rows * geometry.axial_spacing_m,
    )
    strains = tuple(float(step * largest / steps[-1]) for step in steps)
    return replace(base, geometry=geometry, shape=(rows, lines), strains=strains, imaging=imaging, recipe=recipe)


VARIATIONS: tuple[tuple[str, dict[str, float]], ...] = (
    ("standard", {}),
    ("sampling 20 MHz", {"sampling_hz": 20e6}),
    ("sampling 60 MHz", {"sampling_hz": 60e6}),
    ("centre 4 MHz", {"center_hz": 4e6}),
    ("centre 10 MHz", {"center_hz": 10e6}),
    ("pitch 0.1 mm", {"pitch_m": 0.1e-3}),
    ("pitch 0.4 mm", {"pitch_m": 0.4e-3}),
    ("64 lines", {"lines": 64}),
    ("512 lines", {"lines": 512, "pitch_m": 0.1e-3}),
    ("4 lines sideways", {"bulk_lateral_lines": 4.0}),
    ("80 samples along the beam", {"bulk_axial_samples": 80.0}),
    ("gain changes by 20 %", {"gain_error": 0.2}),
)
"""What phantom 1, 2, ... of the protocol `robustness` changes of the standard."""


def _vary_one_thing(base: Protocol, number: int, random: np.random.Generator) -> Protocol:
    """Apply one of VARIATIONS, keeping some 24 mm of depth."""
    change = VARIATIONS[number - 1][1]
    standard = base.geometry
    geometry = Geometry(
        change.get("sampling_hz", standard.sampling_hz),
        change.get("center_hz", standard.center_hz),
        standard.sound_speed_m_s,
        change.get("pitch_m", standard.pitch_m),
    )
    rows = round(base.shape[0] * standard.axial_spacing_m / geometry.axial_spacing_m)
    difficulty = replace(
        base.difficulty,
        gain_error=change.get("gain_error", 0.0),
        bulk_axial_samples=change.get("bulk_axial_samples", 0.0),
        bulk_lateral_lines=change.get("bulk_lateral_lines", 0.0),
    )
    return replace(
        base, geometry=geometry, shape=(rows, int(change.get("lines", base.shape[1]))), difficulty=difficulty
    )


def _code(name: str) -> int:
    return zlib.crc32(name.encode())


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
    vary=_vary_freely,
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
        replace(
            _PEER,
            name="small-noisy",
            title="1024 x 64, otherwise like noisy; quick",
            shape=(1024, 64),
            recipe=replace(_MIXED, radius_m=(2.5e-3, 4.5e-3), span_m=16e-3, inclusions=(1, 1), deepest_m=19e-3),
            difficulty=_NOISY,
            family="small",
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
            vary=_vary_one_thing,
            labels=tuple(name for name, _ in VARIATIONS),
            one_phantom=True,
        ),
    )
}
