"""Stage 1: RF files to `RFSequence`, one file a format; `open_recording` is the way in."""

from engine.readers.base import READERS, Reader, ReadOptions, Recording
from engine.readers.common.spectrum import measure_center_hz
from engine.readers.open import open_recording
from engine.readers.recognise import supported

__all__ = ["READERS", "ReadOptions", "Reader", "Recording", "measure_center_hz", "open_recording", "supported"]
