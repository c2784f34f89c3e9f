"""PICMUS (plane-wave imaging challenge) HDF5: channel data of steered plane waves, beamformed here.

`/US/US_DATASET0000`: `data/real`, `data/imag` (angles, channels, samples), `angles` in rad, `probe_geometry` (3,
channels) in m, `sampling_frequency`, `modulation_frequency` (0: RF), `initial_time`, `sound_speed`.
Liebgott et al., "Plane-wave imaging challenge in medical ultrasound", IEEE IUS 2016.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.hdf5_reading import dataset, inside, is_hdf5, number_at, open_hdf5, small_array
from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.channel_data.beamform import ChannelRecording, Transmit
from engine.readers.channel_data.recording import beamformed
from engine.readers.common.checks import finite, positive, require_channels, require_numbers
from engine.readers.common.hdf5_frames import require_stored

GROUP = "US/US_DATASET0000"


@READERS.entry
class Picmus(Reader):
    """One frame a file; several files make a sequence."""

    name = "picmus"
    title = "PICMUS (HDF5)"
    extensions = (".hdf5",)

    def sniff(self, path: Path, head: bytes) -> bool:
        """Recognise by the group's name."""
        if not is_hdf5(head):
            return False
        with open_hdf5(path) as file:
            return inside(path, file, GROUP) is not None

    def read(self, path: Path, options: ReadOptions) -> Recording:
        """Set up the beamforming; only small arrays are read here."""
        with open_hdf5(path) as file:
            group = inside(path, file, GROUP)
            shape = dataset(path, group, "data/real").shape
            require_numbers(path, dataset(path, group, "data/real").dtype, "data/real")
            if len(shape) != 3:
                raise ReadError(path, f"data/real must be (angles, channels, samples), found shape {shape}")
            require_stored(path, dataset(path, group, "data/real"), "data/real")
            require_channels(path, *shape)
            values = {
                name: number_at(path, group, name)
                for name in ("sampling_frequency", "modulation_frequency", "initial_time", "sound_speed")
            }
            angles = small_array(path, group, "angles").reshape(-1)
            probe = small_array(path, group, "probe_geometry")
        if angles.size != shape[0]:
            raise ReadError(path, f"has {angles.size} angles, data/real has {shape[0]}")
        elements = probe[0] if probe.shape == (3, shape[1]) else probe[:, 0] if probe.shape == (shape[1], 3) else None
        if elements is None:
            raise ReadError(path, f"probe_geometry has shape {probe.shape}, expected (3, {shape[1]})")
        start = finite(path, "initial_time", values["initial_time"])
        carrier = finite(path, "modulation_frequency", values["modulation_frequency"] or 0.0)

        def read_channels(index: int) -> NDArray[Any]:
            with open_hdf5(path) as file:
                real = dataset(path, file, f"{GROUP}/data/real")[()]
                return real + 1j * dataset(path, file, f"{GROUP}/data/imag")[()] if carrier else np.asarray(real)

        channels = ChannelRecording(
            path,
            1,
            shape[2],
            read_channels,
            elements,
            tuple(Transmit(start, angle_rad=float(angle)) for angle in angles),
            positive(path, "sampling_frequency", values["sampling_frequency"]),
            positive(path, "sound_speed", values["sound_speed"]),
            carrier,
        )
        return beamformed(path, channels, "PICMUS", {})
