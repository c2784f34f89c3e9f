import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers.channel_data.beamform import ChannelRecording, Transmit

SPEED, RATE, CENTER = 1540.0, 40e6, 5e6
ELEMENTS = (np.arange(48) - 23.5) * 0.3e-3


def record(channels, transmits, *, elements=ELEMENTS, demodulation_hz=0.0, rate=RATE):
    channels = np.asarray(channels)
    return ChannelRecording(
        "a.h5", 1, channels.shape[2], lambda index: channels, elements, transmits, rate, SPEED, demodulation_hz
    )


def place(image, recording):
    """Depth and line of the brightest point, the depth below the sample by a parabola through the envelope."""
    from scipy.signal import hilbert

    envelope = np.abs(hilbert(image, axis=0))
    row, line = np.unravel_index(envelope.argmax(), envelope.shape)
    left, middle, right = envelope[row - 1 : row + 2, line]
    spacing = SPEED / (2 * recording.sampling_hz)
    return recording.depths_m[row] + (left - right) / (2 * (left - 2 * middle + right)) * spacing, line


@pytest.mark.parametrize("depth", [12.000e-3, 12.007e-3])
@pytest.mark.parametrize(
    "transmits",
    [
        (Transmit(0.0, angle_rad=0.0),),
        (Transmit(0.0, angle_rad=0.12), Transmit(1e-6, angle_rad=-0.12)),
        (Transmit(2e-6, source_m=(1e-3, -20e-3), source_s=-20e-3 / SPEED),),
        (Transmit(0.0, delays_s=0.1e-6 + ELEMENTS * np.sin(0.1) / SPEED - ELEMENTS.min() * 0),),
    ],
    ids=["plane", "two angles", "diverging", "delays"],
)
def test_unfocused_waves_find_a_point_below_a_sample(echo, transmits, depth):
    point = (float(ELEMENTS[30]), depth)
    channels = [
        echo(
            ELEMENTS,
            point,
            float(each.arrival_s(np.array([point[0]]), np.array([point[1]]), ELEMENTS, SPEED)[0]),
            samples=900,
            sampling_hz=RATE,
            center_hz=CENTER,
            start_s=each.start_s,
        )
        for each in transmits
    ]
    recording = record(channels, transmits)
    found, line = place(recording(0), recording)
    assert line == 30
    assert abs(found - depth) < 0.03 * SPEED / (2 * RATE)


def test_focused_waves_make_one_line_each(echo):
    focus, depth = 15e-3, 13e-3
    transmits = tuple(
        Transmit(0.0, source_m=(float(x), focus), source_s=float(np.hypot(x, focus) / SPEED)) for x in ELEMENTS[8:40]
    )
    point = (float(ELEMENTS[20]), depth)
    channels = [
        echo(
            ELEMENTS,
            point,
            each.source_s + (depth - focus) / SPEED,
            samples=900,
            sampling_hz=RATE,
            center_hz=CENTER,
        )
        * np.exp(-(((each.source_m[0] - point[0]) / 0.5e-3) ** 2))
        for each in transmits
    ]
    recording = record(channels, transmits)
    assert recording.shape == (1, 900, 32)
    assert recording.sector is None
    assert recording.pitch_m == pytest.approx(0.3e-3)
    found, line = place(recording(0), recording)
    assert line == 12
    assert abs(found - depth) < 0.03 * SPEED / (2 * RATE)


def test_steered_focused_waves_make_a_sector(echo):
    angles = np.linspace(-0.3, 0.3, 13)
    transmits = tuple(
        Transmit(0.0, source_m=(40e-3 * np.sin(angle), 40e-3 * np.cos(angle)), source_s=40e-3 / SPEED)
        for angle in angles
    )
    point = (12e-3 * np.sin(angles[9]), 12e-3 * np.cos(angles[9]))
    channels = [
        echo(ELEMENTS, point, 12e-3 / SPEED, samples=900, sampling_hz=RATE, center_hz=CENTER) * (number == 9)
        for number in range(13)
    ]
    recording = record(channels, transmits)
    assert recording.sector is not None
    assert recording.sector.apex_radius_m == 0
    assert recording.sector.angle_step_rad == pytest.approx(0.05)
    found, line = place(recording(0), recording)
    assert line == 9
    assert abs(found - 12e-3) < 0.05 * SPEED / (2 * RATE)


def test_iq_channels_give_the_image_of_the_rf(echo):
    transmits = (Transmit(3e-6, angle_rad=0.1), Transmit(2e-6, angle_rad=-0.1))
    point = (float(ELEMENTS[12]), 9e-3)
    rf = [
        echo(
            ELEMENTS,
            point,
            float(each.arrival_s(np.array([point[0]]), np.array([point[1]]), ELEMENTS, SPEED)[0]),
            samples=800,
            sampling_hz=RATE,
            center_hz=CENTER,
            start_s=each.start_s,
        )
        for each in transmits
    ]
    from scipy.signal import hilbert

    time = np.stack([each.start_s + np.arange(800) / RATE for each in transmits])[:, None]
    iq = (hilbert(np.array(rf), axis=2) * np.exp(-2j * np.pi * CENTER * time))[..., ::4]
    direct = record(rf, transmits)
    again = record(iq, transmits, demodulation_hz=CENTER, rate=RATE / 4)
    assert again.sampling_hz == pytest.approx(30e6)
    (depth, line), (depth_iq, line_iq) = place(direct(0), direct), place(again(0), again)
    assert line == line_iq == 12
    assert abs(depth - depth_iq) < 0.05 * SPEED / (2 * RATE)


def test_later_start_begins_deeper():
    transmits = (Transmit(10e-6, angle_rad=0.0),)
    recording = record(np.zeros((1, 48, 100)), transmits)
    assert recording.start_depth_m == pytest.approx(10e-6 * SPEED / 2)


@pytest.mark.parametrize(
    ("elements", "transmits", "message"),
    [
        (ELEMENTS[::-1], (Transmit(0.0, angle_rad=0.0),), "right to left"),
        (ELEMENTS**3, (Transmit(0.0, angle_rad=0.0),), "not linear and even"),
        (ELEMENTS, (), "without a transmit"),
        (ELEMENTS, (Transmit(0.0, angle_rad=0.0), Transmit(0.0, source_m=(0, 1e-2))), "mixes focused"),
        (ELEMENTS, tuple(Transmit(0.0, source_m=(x, 1e-2)) for x in (0, 1e-3, 5e-3)), "neither parallel nor"),
    ],
)
def test_what_cannot_be_beamformed_is_one_line(elements, transmits, message):
    with pytest.raises(ReadError, match=message):
        record(np.zeros((max(len(transmits), 1), 48, 64)), transmits, elements=elements).lines  # noqa: B018
