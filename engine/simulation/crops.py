"""Short simulated sequences for training, made on the fly: RF crops with the exact motion of every pixel.

The motion is a finite-element field from a bank that is solved once (`bank.py`), cut at a random place, mirrored and
scaled at random, times the strain of each frame, plus rigid shifts, a lateral shear, a rotation and a tilted load.
A crop may lie deep in the tissue: the shift that compression has built up above it is part of the motion.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import ParameterError
from engine.parameters import Parameters, parameter
from engine.simulation.bank import BankEntry, field_bank
from engine.simulation.draws import Draws
from engine.simulation.renderer import Imaging
from engine.simulation.sequences import Degradation, FrameLoad, Scene, render_scene
from engine.simulation.texture import texture
from engine.types import Geometry

SAMPLES_PER_PERIOD = 8
"""Axial sampling of the canonical grid: sampling_hz = 8 center_hz."""
_SOUND_SPEED_M_S = 1540.0
_LEVELS = tuple(0.005 * step for step in range(1, 10))
"""Strains of the Tehrani-Rivaz frames: 0.5 to 4.5 %."""


@dataclass(frozen=True)
class CropSettings(Parameters):
    """Ranges from which a training sequence is drawn; strains are fractions, positive in compression.

    Protocol `tehrani-rivaz` fixes the scanner (5 MHz, 40 MHz, 0.15 mm pitch), soft inclusions and the strain levels
    (3 of 0.5, 1.0 ... 4.5 % for four frames, ascending) and leaves out bulk motion, shear and tilt; noise,
    decorrelation and gain follow the settings in both protocols. `mixed` draws one of the two for every sequence.
    """

    height: int = parameter(512, unit="samples", minimum=32, maximum=8192, help="Rows of a crop")
    width: int = parameter(64, unit="lines", minimum=8, maximum=1024, help="Lines of a crop")
    frames: int = parameter(4, minimum=2, maximum=64, help="Reference and deformed frames")
    protocol: Literal["free", "tehrani-rivaz", "mixed"] = parameter("free", help="What is drawn at random")
    canonical: bool = parameter(True, help="Sample every crop with 8 samples per period of the centre frequency")
    min_strain: float = parameter(0.003, minimum=0.0, maximum=0.2, help="Smallest strain of the last frame")
    max_strain: float = parameter(0.05, minimum=0.0, maximum=0.2, help="Largest strain of the last frame")
    decompression: float = parameter(0.15, minimum=0, maximum=1, help="Share of sequences that stretch instead")
    max_displacement_samples: float = parameter(
        80.0, unit="samples", minimum=0.0, maximum=1000.0, help="Largest axial displacement; more is shifted back"
    )
    bulk_axial_samples: float = parameter(4.0, unit="samples", minimum=0, maximum=200, help="Largest added shift")
    bulk_lateral_lines: float = parameter(1.0, unit="lines", minimum=0, maximum=20, help="Largest lateral shift")
    max_shear: float = parameter(0.01, minimum=0.0, maximum=0.2, help="Largest lateral shear and rotation")
    max_tilt: float = parameter(0.4, minimum=0.0, maximum=1.0, help="Largest growth of compression across the width")
    min_center_hz: float = parameter(4e6, unit="Hz", minimum=1e6, maximum=3e7, help="Lowest centre frequency")
    max_center_hz: float = parameter(10e6, unit="Hz", minimum=1e6, maximum=3e7, help="Highest centre frequency")
    min_pitch_m: float = parameter(0.12e-3, unit="m", minimum=2e-5, maximum=2e-3, help="Smallest line distance")
    max_pitch_m: float = parameter(0.35e-3, unit="m", minimum=2e-5, maximum=2e-3, help="Largest line distance")
    min_snr_db: float = parameter(5.0, unit="dB", minimum=-20, maximum=100, help="Lowest wide-band signal to noise")
    max_snr_db: float = parameter(35.0, unit="dB", minimum=-20, maximum=100, help="Highest wide-band signal to noise")
    clean: float = parameter(0.1, minimum=0, maximum=1, help="Share of sequences without noise and decorrelation")
    min_correlation: float = parameter(0.9, minimum=0, maximum=1, help="Lowest correlation of scatterer amplitudes")
    max_gain_error: float = parameter(0.1, minimum=0, maximum=0.9, help="Largest gain error of a deformed frame")
    scatterers_per_cell: float = parameter(10.0, minimum=1, maximum=100, help="Scatterers in a resolution cell")
    near_inclusion: float = parameter(0.7, minimum=0, maximum=1, help="Share of crops laid over an inclusion's edge")
    max_texture_db: float = parameter(0.0, unit="dB", minimum=0, maximum=40, help="Largest deviation of brightness")
    bank_size: int = parameter(40, minimum=1, maximum=1000, help="Phantoms in the bank of displacement fields")
    bank_seed: int = parameter(0, minimum=0, maximum=2**31, help="Seed of the bank")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("strain", "center_hz", "pitch_m", "snr_db"):
            if getattr(self, f"min_{name}") > getattr(self, f"max_{name}"):
                raise ParameterError(f"CropSettings: min_{name} is larger than max_{name}")


@dataclass(frozen=True)
class TrainingSequence:
    """RF of T frames and its exact motion against frame 0.

    `rf` is (T, H, W) float32, divided by the 99.9th percentile of |rf[0]|; `motion` is (T-1, 2, H, W) float32 on the
    grid of frame 0, channel 0 lateral in lines, channel 1 axial in samples (negative towards the probe), with
    rf[t](x + motion(x)) ~ rf[0](x).
    """

    rf: Tensor
    motion: Tensor
    geometry: Geometry


def training_sequence(
    generator: torch.Generator, settings: CropSettings, device: torch.device | None = None
) -> TrainingSequence:
    """Draw one sequence; the generator alone decides it.

    >>> sequence = training_sequence(torch.Generator().manual_seed(1), CropSettings(bank_size=1))
    >>> sequence.rf.shape, sequence.motion.shape
    (torch.Size([4, 512, 64]), torch.Size([3, 2, 512, 64]))
    """
    device = device or torch.device("cpu")
    draws = Draws(generator)
    if settings.protocol == "mixed":
        settings = replace(settings, protocol="free" if draws.chance(0.5) else "tehrani-rivaz")
    bank = field_bank(settings.protocol, settings.bank_size, settings.bank_seed)
    imaging = _draw_imaging(draws, settings)
    view = _draw_view(draws, settings, bank[draws.below(len(bank))], imaging)
    scene = Scene(
        (settings.height, settings.width),
        view.geometry,
        view.unit_displacement,
        _draw_loads(draws, settings, view),
        imaging,
        _draw_degradation(draws, settings),
        settings.scatterers_per_cell,
        view.echogenicity,
    )
    rendered = render_scene(scene, generator, device)
    units_m = torch.tensor([view.geometry.pitch_m, view.geometry.axial_spacing_m], dtype=torch.float64)
    motion = (rendered.displacement_m / units_m[:, None, None]).to(device=device, dtype=torch.float32)
    return TrainingSequence(rendered.rf / _percentile(rendered.rf[0]), motion, view.geometry)


@dataclass(frozen=True)
class _View:
    """Where in which phantom, at which scale, a crop lies; `inclusion_gain` is the amplitude of inclusions' echoes.

    `texture_db` is the standard deviation of a smooth random brightness, which `texture_seed` decides.
    """

    entry: BankEntry
    geometry: Geometry
    center_m: float
    scale: float
    mirror: int
    tilt: float
    inclusion_gain: float
    texture_db: float
    texture_seed: int

    def unit_displacement(self, depths_m: NDArray[np.float64], laterals_m: NDArray[np.float64]) -> Tensor:
        """Mirrored and scaled field: s U(x / s)."""
        depths_m, laterals_m = depths_m / self.scale, self._phantom_lateral_m(laterals_m)
        field_m = self.entry.even.on_grid(depths_m, laterals_m)
        if self.tilt:
            field_m = torch.lerp(field_m, self.entry.tilted.on_grid(depths_m, laterals_m), self.tilt)
        field_m = field_m * self.scale
        field_m[0] *= self.mirror
        return field_m

    def echogenicity(self, laterals_m: NDArray[np.float64], depths_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Amplitude of the echoes at N points."""
        amplitude = np.ones_like(laterals_m)
        if self.inclusion_gain != 1:
            labels = self.entry.even.phantom.labels(self._phantom_lateral_m(laterals_m), depths_m / self.scale)
            amplitude[labels > 0] = self.inclusion_gain
        if self.texture_db:
            amplitude *= 10 ** (self.texture_db * texture(self.texture_seed, laterals_m, depths_m) / 20)
        return amplitude

    def _phantom_lateral_m(self, laterals_m: NDArray[np.float64]) -> NDArray[np.float64]:
        return (self.mirror * laterals_m + self.center_m) / self.scale


def _draw_view(draws: Draws, settings: CropSettings, entry: BankEntry, imaging: Imaging) -> _View:
    """Draw scanner and place; lines are at most a beam width apart, or lateral motion could not be followed."""
    free = settings.protocol == "free"
    center_hz = draws.uniform(settings.min_center_hz, settings.max_center_hz) if free else 5e6
    sampling_hz = SAMPLES_PER_PERIOD * center_hz
    if free and not settings.canonical:
        sampling_hz = draws.uniform(max(20e6, 4 * center_hz), 60e6)
    beam_m = 0.9 * _SOUND_SPEED_M_S / center_hz * imaging.f_number
    widest_m = max(settings.min_pitch_m, min(settings.max_pitch_m, beam_m))
    pitch_m = draws.log_uniform(settings.min_pitch_m, widest_m) if free else 0.15e-3
    scale = draws.uniform(0.75, 1.25) if free else 1.0
    height_m, width_m = settings.height * _SOUND_SPEED_M_S / (2 * sampling_hz), settings.width * pitch_m
    center_m, start_m = _draw_place(draws, settings, entry, scale, (height_m, width_m))
    return _View(
        entry=entry,
        geometry=Geometry(sampling_hz, center_hz, _SOUND_SPEED_M_S, pitch_m, start_m),
        center_m=center_m,
        scale=scale,
        mirror=1 if draws.chance(0.5) else -1,
        tilt=draws.uniform(-settings.max_tilt, settings.max_tilt) if free else 0.0,
        inclusion_gain=draws.log_uniform(0.3, 3.0) if free and draws.chance(0.5) else 1.0,
        texture_db=draws.uniform(0.0, settings.max_texture_db) if settings.max_texture_db else 0.0,
        texture_seed=draws.below(2**31) if settings.max_texture_db else 0,
    )


def _draw_place(
    draws: Draws, settings: CropSettings, entry: BankEntry, scale: float, size_m: tuple[float, float]
) -> tuple[float, float]:
    """Draw lateral centre and top of a crop of (height, width) metres, often within reach of an inclusion."""
    lowest_m = max(0.0, 0.84 * entry.even.depth_m * scale - size_m[0])
    half_m = max(0.0, 0.4 * entry.even.width_m * scale - size_m[1] / 2)
    inclusions = entry.even.phantom.inclusions
    if not inclusions or not draws.chance(settings.near_inclusion):
        return draws.uniform(-half_m, half_m), draws.uniform(0.0, lowest_m)
    outline = inclusions[draws.below(len(inclusions))].outline
    lateral_m = scale * (outline.lateral_m + outline.semi_lateral_m * draws.uniform(-1.0, 1.0))
    depth_m = scale * (outline.depth_m + outline.semi_axial_m * draws.uniform(-1.0, 1.0))
    return min(max(lateral_m, -half_m), half_m), min(max(depth_m - size_m[0] / 2, 0.0), lowest_m)


def _draw_loads(draws: Draws, settings: CropSettings, view: _View) -> tuple[FrameLoad, ...]:
    """Draw loads that grow from frame to frame; the last reaches the drawn strain and bulk motion."""
    count = settings.frames - 1
    if settings.protocol == "tehrani-rivaz":
        if count > len(_LEVELS):
            raise ParameterError(f"protocol tehrani-rivaz has at most {len(_LEVELS) + 1} frames")
        loads = [FrameLoad(_LEVELS[level]) for level in draws.distinct(count, len(_LEVELS))]
        return _within_reach(loads, settings, view)
    strain = draws.log_uniform(max(settings.min_strain, 1e-4), max(settings.max_strain, 1e-4))
    strain *= -1 if draws.chance(settings.decompression) else 1
    axial_m = draws.uniform(-1, 1) * settings.bulk_axial_samples * view.geometry.axial_spacing_m
    lateral_m = draws.uniform(-1, 1) * settings.bulk_lateral_lines * view.geometry.pitch_m
    shear, rotation = (draws.uniform(-settings.max_shear, settings.max_shear) for _ in range(2))
    loads = []
    for number in range(1, count + 1):
        part = (number + draws.uniform(-0.4, 0.4 if number < count else 0.0)) / count
        drift = (number + draws.uniform(-0.5, 0.0)) / count
        loads.append(FrameLoad(part * strain, drift * axial_m, drift * lateral_m, part * shear, part * rotation))
    return _within_reach(loads, settings, view)


def _within_reach(loads: list[FrameLoad], settings: CropSettings, view: _View) -> tuple[FrameLoad, ...]:
    """Shift frames back whose axial displacement at the crop's ends exceeds the settings' limit."""
    spacing_m, height = view.geometry.axial_spacing_m, settings.height
    ends_m = view.geometry.depths_m(height)[[0, height // 2, height - 1]]
    unit_m = view.unit_displacement(ends_m, view.geometry.laterals_m(settings.width)[[0, -1]])[1]
    limit_m = settings.max_displacement_samples * spacing_m
    shifted = []
    for load in loads:
        extremes = [float(edge) * load.strain + load.axial_shift_m for edge in (unit_m.min(), unit_m.max())]
        over_m, under_m = max(extremes) - limit_m, -limit_m - min(extremes)
        back_m = -over_m if over_m > 0 else max(under_m, 0.0)
        shift_m = load.axial_shift_m + back_m
        shifted.append(FrameLoad(load.strain, shift_m, load.lateral_shift_m, load.shear, load.rotation))
    return tuple(shifted)


def _draw_imaging(draws: Draws, settings: CropSettings) -> Imaging:
    if settings.protocol == "tehrani-rivaz":
        return Imaging()
    return Imaging(
        bandwidth_fraction=draws.uniform(0.4, 0.8),
        f_number=draws.uniform(1.5, 3.0),
        phase_deg=draws.uniform(-180.0, 180.0),
    )


def _draw_degradation(draws: Draws, settings: CropSettings) -> Degradation:
    if draws.chance(settings.clean):
        return Degradation()
    lost = (1 - settings.min_correlation) * draws.uniform(0.0, 1.0) ** 2
    gain = settings.max_gain_error
    return Degradation(
        snr_db=draws.uniform(settings.min_snr_db, settings.max_snr_db),
        correlation=1 - lost,
        gains=tuple(1 + draws.uniform(-gain, gain) for _ in range(settings.frames - 1)),
    )


def _percentile(frame: Tensor) -> Tensor:
    """99.9th percentile of the magnitude."""
    magnitudes = frame.abs().flatten()
    rank = max(1, math.ceil(0.999 * magnitudes.numel()))
    return torch.kthvalue(magnitudes, rank).values
