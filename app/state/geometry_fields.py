"""How the values of a recording's geometry are shown: label, unit, size, and the words of where each comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldInfo:
    """How one geometry value is shown: label, unit, factor from SI, decimals and largest value in that unit."""

    label: str
    unit: str
    scale: float
    decimals: int
    maximum: float


FIELDS = {
    "sampling_hz": FieldInfo("Sampling rate", "MHz", 1e-6, 6, 1000),
    "center_hz": FieldInfo("Centre frequency", "MHz", 1e-6, 3, 500),
    "sound_speed_m_s": FieldInfo("Speed of sound", "m/s", 1, 1, 10_000),
    "pitch_m": FieldInfo("Line pitch", "mm", 1e3, 4, 100),
    "start_depth_m": FieldInfo("Depth of first sample", "mm", 1e3, 3, 1000),
    "frame_rate_hz": FieldInfo("Frame rate", "Hz", 1, 2, 100_000),
}
SOURCES = {"file": "from the file", "user": "given by you", "assumed": "assumed", "measured": "measured from the RF"}
