"""Images with a header of keys and values, MetaImage and NRRD: axes, kind of data and geometry from header and numbers.

Fields of PLUS and OpenIGTLink: `UltrasoundImageOrientation` (a letter an axis, fastest first), `UltrasoundImageType`
(one of five), `Seq_FrameNNNN_Timestamp`; PLUS user manual, "Ultrasound image orientation" and "Sequence file". Fields
of lagadic's ustk: `SamplingFrequency`, `TransmitFrequency`, `ScanLinePitch` (m, or rad where `IsTransducerConvex`);
it keeps the samples of a line together although its `DimSize` says lines first. ITKUltrasound stores samples first.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from engine.errors import ReadError
from engine.files.stored_array import StoredArray
from engine.readers.base import ReadOptions, Recording
from engine.readers.common.axes import arranged_shape, take_frame
from engine.readers.common.axis_evidence import AxisChoice, AxisEvidence, choose_axes
from engine.readers.common.checks import finite, positive, sequence_shape
from engine.readers.common.frame_times import frame_times
from engine.readers.common.iq import RfFrames, SplitIq, rf_from_iq
from engine.readers.common.oscillation import CLEAR, middle_block, oscillation
from engine.readers.common.spacing import rate_note, rate_of, spacing_in_m
from engine.types import Sector

STORED_AXES = {"M": "l", "U": "l", "F": "a", "N": "a", "A": "f", "D": "f"}
"""Letters of `UltrasoundImageOrientation`: marked/unmarked side, far/near, ascending/descending elevation."""

IQ_TYPES = {"RF_IQ_LINE": "iq-samples", "RF_I_LINE_Q_LINE": "iq-lines"}
"""Values of `UltrasoundImageType` that are IQ, by our kinds; the others are BRIGHTNESS, RF_REAL and RGB_COLOR."""

REFUSED_TYPES = {
    "RGB_COLOR": "colour pictures, not RF",
    "RF_3D": "volumes, not frames of one plane: export them as RF_2D",
    "PRESCAN_3D": "volumes of B-mode, not RF",
    "POSTSCAN_3D": "volumes of B-mode, not RF",
}
SPEEDS_M_S = (1300.0, 1700.0)
"""Sound speeds that two statements of one axial step may amount to; another one shows that they disagree."""


@dataclass(frozen=True)
class UltrasoundImage:
    """An image of `shape`, slowest axis first, with its header, and its spacings in the same order.

    `open_as` gives the data as an array of a shape, that of the header or one of as many values.
    """

    path: Path
    format: str
    shape: tuple[int, ...]
    open_as: Callable[[tuple[int, ...]], StoredArray]
    header: Mapping[str, str]
    spacing: tuple[float, ...] = ()
    spacing_name: str = "ElementSpacing"

    @property
    def label(self) -> str:
        """What the header calls its data."""
        return self.header.get("UltrasoundImageType", "").strip()

    def recording(self, options: ReadOptions) -> Recording:
        """Put what the header states and what the numbers show together."""
        if self.label in REFUSED_TYPES:
            raise ReadError(self.path, f"holds {REFUSED_TYPES[self.label]} (UltrasoundImageType = {self.label})")
        shape, stored, choice = self._axes(options)
        axes = choice.letters
        sizes = sequence_shape(self.path, *arranged_shape(shape, axes))

        def stored_frame(index: int) -> NDArray[Any]:
            return take_frame(stored, axes, index)

        recording = Recording(
            sizes,
            {},
            lambda index: self._unmirrored(stored_frame(index)),
            (self.path,),
            self.format,
            axes=axes,
            axes_assumed=choice.assumed,
            sector=self._sector(),
            notes=choice.notes,
            kind=options.kind or IQ_TYPES.get(self.label, "rf"),
            says_no_rf=f"UltrasoundImageType is {self.label}" if self.label == "BRIGHTNESS" else "",
            time_s=self._moment(),
        )
        recording = self._with_geometry(recording)
        return self._from_iq(recording, stored_frame, options) if recording.kind.startswith("iq") else recording

    def _axes(self, options: ReadOptions) -> tuple[tuple[int, ...], StoredArray, AxisChoice]:
        """Return the shape of the data as they lie, their reader, and the meaning of their axes."""
        shape, read = self.shape, self.open_as(self.shape)
        letters = self._orientation()
        stated_by = "UltrasoundImageOrientation"
        if "ScanLinePitch" in self.header:
            together = (*shape[:-2], shape[-1], shape[-2])
            read_together = self.open_as(together)
            as_said, as_lines = (_oscillation(each, axis) for each, axis in ((read, -2), (read_together, -1)))
            letters, stated_by = "fal"[-len(shape) :], "DimSize of ustk"
            if as_said <= as_lines + CLEAR:
                shape, read, letters = together, read_together, "fla"[-len(shape) :]
        evidence = AxisEvidence(shape, lambda: _block(read), self.spacing, letters, stated_by)
        return shape, read, choose_axes(self.path, evidence, options.axes)

    def _orientation(self) -> str | None:
        """Order of the axes that the orientation letters state, or None."""
        count = len(self.shape)
        found = [STORED_AXES.get(letter, "?") for letter in self.header.get("UltrasoundImageOrientation", "")[:3]]
        axes = "".join(reversed(found)).rjust(3, "f")[-count:]
        return axes if sorted(axes) == sorted("fal"[-count:]) else None

    def _unmirrored(self, frame: NDArray[Any]) -> NDArray[Any]:
        """Turn near-to-far downwards and the marked side first, as the orientation letters say."""
        orientation = self.header.get("UltrasoundImageOrientation", "")[:2]
        frame = frame[::-1] if "N" in orientation else frame
        return frame[:, ::-1] if "U" in orientation else frame

    def _from_iq(
        self, recording: Recording, stored_frame: Callable[[int], NDArray[Any]], options: ReadOptions
    ) -> Recording:
        """Take I and Q apart before anything is mirrored; where I is RF already, it is enough."""
        split = SplitIq(self.path, recording.shape, stored_frame, by_lines=recording.kind == "iq-lines")
        how = "line by line" if split.by_lines else "sample by sample"
        said = f"I and Q alternate {how} ({'as you say' if options.kind else f'UltrasoundImageType = {self.label}'})"
        if split.oscillates():
            note = f"{said}; I oscillates at the carrier and is taken as the RF"
            frames = RfFrames(split.shape, lambda index: self._unmirrored(split.read(index).real), {}, notes=(note,))
        else:
            frames = rf_from_iq(
                self.path, split.shape, lambda index: self._unmirrored(split.read(index)), recording.known, options
            )
            frames = replace(frames, notes=(said, *frames.notes))
        return frames.into(recording)

    def _with_geometry(self, recording: Recording) -> Recording:
        known, found_at, notes = self._ustk_geometry()
        suggested: dict[str, float] = {}
        spacing = dict(zip(recording.axes[-len(self.spacing) :], self.spacing, strict=True)) if self.spacing else {}
        if self.spacing and "ScanLinePitch" not in self.header:
            believed = spacing_in_m(spacing.get("a", 0.0), spacing.get("l", 0.0))
            if believed is None:
                values = " ".join(f"{each:g}" for each in reversed(self.spacing))
                notes.append(f"{self.spacing_name} = {values} is a placeholder and is not used")
            else:
                axial, lateral, unit = believed
                known["pitch_m"], found_at["pitch_m"] = lateral, self.spacing_name
                suggested["sampling_hz"] = rate_of(axial)
                notes.append(rate_note(axial))
                notes += [f"{self.spacing_name} is taken to be in metres"] if unit == "m" else []
        rate, time_notes = frame_times(self._times())
        if rate is not None:
            known["frame_rate_hz"], found_at["frame_rate_hz"] = rate, "Seq_Frame*_Timestamp"
        return replace(
            recording,
            known=known,
            suggested=suggested,
            found_at=found_at,
            notes=(*recording.notes, *notes, *time_notes),
        )

    def _ustk_geometry(self) -> tuple[dict[str, float], dict[str, str], list[str]]:
        """Return values of ustk's own fields, their places, and a note where two of them disagree."""
        fields = {"sampling_hz": "SamplingFrequency", "center_hz": "TransmitFrequency"}
        fields |= {} if self._flag("IsTransducerConvex") else {"pitch_m": "ScanLinePitch"}
        found_at = {ours: theirs for ours, theirs in fields.items() if float(self._number(theirs) or 0) > 0}
        known = {ours: positive(self.path, theirs, self._number(theirs)) for ours, theirs in found_at.items()}
        step, notes = self._number("AxialResolution"), list[str]()
        if step and "sampling_hz" in known:
            speed = 2 * step * known["sampling_hz"]
            if SPEEDS_M_S[0] <= speed <= SPEEDS_M_S[1]:
                known["sound_speed_m_s"], found_at["sound_speed_m_s"] = speed, "AxialResolution, SamplingFrequency"
            else:
                notes.append(
                    f"AxialResolution = {step:g} m and SamplingFrequency = {known['sampling_hz']:g} Hz disagree: "
                    f"together they would be a sound speed of {speed:.4g} m/s"
                )
        return known, found_at, notes

    def _sector(self) -> Sector | None:
        step = self._number("ScanLinePitch")
        return (
            Sector(self._number("TransducerRadius") or 0.0, step) if self._flag("IsTransducerConvex") and step else None
        )

    def _times(self) -> list[float]:
        stamps = {
            int(match[1]): self._number(key) or 0.0
            for key in self.header
            if (match := re.fullmatch(r"Seq_Frame(\d+)_Timestamp", key))
        }
        return [stamps[number] for number in sorted(stamps)]

    def _moment(self) -> float | None:
        """When a single frame was taken: ustk gives milliseconds, PLUS seconds."""
        if "ScanLinePitch" in self.header and "Timestamp" in self.header:
            return (self._number("Timestamp") or 0.0) * 1e-3
        times = self._times()
        return times[0] if len(times) == 1 else None

    def _flag(self, key: str) -> bool:
        return self.header.get(key, "0").strip().lower() in {"1", "true"}

    def _number(self, key: str) -> float | None:
        if key not in self.header:
            return None
        try:
            value = float(self.header[key].split()[0])
        except (ValueError, IndexError):
            raise ReadError(self.path, f"{key} must be a number, found {self.header[key][:40]!r}") from None
        return finite(self.path, key, value)


def _block(stored: StoredArray) -> NDArray[Any]:
    return middle_block(stored, stored.shape)


def _oscillation(stored: StoredArray, axis: int) -> float:
    return oscillation(_block(stored), axis)
