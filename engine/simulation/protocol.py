"""What a protocol is: phantoms, draws of scatterers and frames of one simulated data set, and how they are drawn.

A protocol, a phantom's number, a draw and a seed decide a recording completely. Phantoms do not depend on the draw,
so several draws show the same motion in different speckle.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from engine.errors import ParameterError
from engine.simulation.bank import TEHRANI_RIVAZ
from engine.simulation.difficulty import Difficulty
from engine.simulation.extra_motion import ExtraMotion
from engine.simulation.mechanics import Compression, UnitField, compress
from engine.simulation.phantom import PhantomRecipe, draw_phantom
from engine.simulation.recording import ELEMENT_M, Plan, SimulatedRecording, simulate_with
from engine.simulation.renderer import Imaging
from engine.types import Geometry

SOUND_SPEED_M_S = 1540.0
STANDARD = Geometry(40e6, 5e6, SOUND_SPEED_M_S, 0.15e-3)
"""5 MHz sampled with 40 MHz, 0.15 mm pitch: the default where a paper does not say."""

DrawMotion = Callable[[np.random.Generator, Plan], tuple[ExtraMotion, ...]]


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
    extra_motion: DrawMotion | None = None
    """Draws motion besides compression: a layer that slides, a vessel that pulses."""
    one_phantom: bool = False
    """Whether all numbers are the same phantom, under different scanners or motions."""

    def draws_of(self, number: int) -> int:
        """Draws of scatterers of one phantom."""
        return dict(self.fewer_draws).get(number, self.draws)

    def label(self, number: int, draw: int) -> str:
        """Return the name of a recording in a table."""
        if not self.labels:
            return f"{self.name} {number}.{draw}"
        again = f" {number}" if number > len(self.labels) else ""
        return self.labels[(number - 1) % len(self.labels)] + again

    def plan(self, number: int, seed: int) -> Plan:
        """Draw phantom `number`; a number outside `numbers` is a ParameterError."""
        if number not in self.numbers:
            raise ParameterError(f"protocol {self.name} has no phantom {number}")
        state = [seed, _code(self.family or self.name), 0 if self.one_phantom else number]
        random = np.random.default_rng(state)
        this = self.vary(self, number, random) if self.vary else self
        tilt = this.difficulty.tilt * random.uniform(-1, 1)
        phantom = draw_phantom(random, this.recipe)
        plan = Plan(
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
        return replace(plan, extra_motion=this.extra_motion(random, plan)) if this.extra_motion else plan

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


def _code(name: str) -> int:
    return zlib.crc32(name.encode())
