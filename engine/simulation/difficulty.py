"""What a recording adds to pure compression: noise, decorrelation, gain, brightness and an unsteady hand."""

from dataclasses import dataclass

import numpy as np

from engine.simulation.sequences import Degradation, FrameLoad
from engine.types import Geometry

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
