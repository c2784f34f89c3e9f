import h5py
import numpy as np
import pytest

from engine.errors import ReadError
from engine.readers import ReadOptions, open_recording

uff = pytest.importorskip("pyuff_ustb")

ELEMENTS = (np.arange(32) - 15.5) * 0.3e-3
RATE, CENTER = 20e6, 5e6
POINT = (float(ELEMENTS[20]), 9.05e-3)


def point(distance=0.0, azimuth=0.0):
    return uff.Point(distance=distance, azimuth=azimuth, elevation=0.0)


def wave(**values):
    return uff.Wave(apodization=uff.Apodization(), origin=point(), sound_speed=1540.0, delay=0.0, **values)


def write_channels(path, data, waves, *, modulation=0.0, start=3e-6, rate=RATE, probe=None):
    recording = uff.ChannelData(
        sampling_frequency=rate,
        initial_time=start,
        sound_speed=1540.0,
        modulation_frequency=modulation,
        sequence=list(waves) if len(waves) > 1 else waves[0],
        probe=probe or uff.LinearArray(N=32, pitch=0.3e-3, origin=point()),
        data=data,
    )
    recording.write(str(path), "channel_data", ignore_missing_compulsory_fields=True)
    return path


def plane_waves(echo, angles, start=3e-6, samples=320):
    arrivals = [(POINT[1] * np.cos(angle) + POINT[0] * np.sin(angle)) / 1540 for angle in angles]
    channels = [
        echo(ELEMENTS, POINT, there, samples=samples, sampling_hz=RATE, center_hz=CENTER, start_s=start).T
        for there in arrivals
    ]
    waves = [wave(wavefront=uff.Wavefront.plane, source=point(np.inf, angle)) for angle in angles]
    return np.stack(channels, axis=2), waves


@pytest.mark.parametrize("angles", [(0.0,), (-0.1, 0.0, 0.1)])
@pytest.mark.parametrize("iq", [False, True])
def test_plane_waves_as_the_public_package_writes_them(tmp_path, echo, assert_point, angles, iq):
    data, waves = plane_waves(echo, angles)
    modulation, rate = 0.0, RATE
    if iq:
        from scipy.signal import hilbert

        time = 3e-6 + np.arange(320) / RATE
        data = (hilbert(data, axis=0) * np.exp(-2j * np.pi * CENTER * time)[:, None, None])[::2]
        modulation, rate = CENTER, RATE / 2
    data = np.stack([data, data * 2], axis=3)
    recording = open_recording([write_channels(tmp_path / "a.uff", data, waves, modulation=modulation, rate=rate)])
    assert recording.shape == (2, 480 if iq else 320, 32)
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert recording.known["start_depth_m"] == pytest.approx(3e-6 * 770)
    assert_point(recording, POINT)
    np.testing.assert_allclose(recording.read_frame(1), 2 * recording.read_frame(0), rtol=1e-4, atol=1e-4)


def test_focused_waves_make_lines(tmp_path, echo, assert_point):
    focus = 12e-3
    places = ELEMENTS[4:28]
    waves, channels = [], []
    for x in places:
        distance = float(np.hypot(x, focus))
        waves.append(wave(wavefront=uff.Wavefront.spherical, source=point(distance, float(np.arctan2(x, focus)))))
        there = (distance + POINT[1] - focus) / 1540
        beam = np.exp(-(((x - POINT[0]) / 0.4e-3) ** 2))
        channels.append(
            beam * echo(ELEMENTS, POINT, there, samples=320, sampling_hz=RATE, center_hz=CENTER, start_s=3e-6).T
        )
    recording = open_recording([write_channels(tmp_path / "a.uff", np.stack(channels, axis=2), waves)])
    assert recording.shape == (1, 320, 24)
    assert_point(recording, POINT)


def test_curved_probes_are_refused(tmp_path, echo):
    data, waves = plane_waves(echo, (0.0,))
    probe = uff.CurvilinearArray(N=32, pitch=0.3e-3, radius=40e-3, origin=point())
    path = write_channels(tmp_path / "a.uff", data, waves, probe=probe)
    with pytest.raises(ReadError, match="its probe is a curvilinear_array, whose channel data are not beamformed"):
        open_recording([path])


def write_beamformed(path, frames, *, reverse, rate=40e6, modulation=0.0, scan=None):
    """Pixels with depth fastest; reversed axes are MATLAB's order as HDF5 shows it."""
    count, rows, lines = frames.shape
    pixels = frames.transpose(0, 2, 1).reshape(count, 1, 1, rows * lines)
    scan = scan or uff.LinearScan(
        x_axis=(np.arange(lines) - (lines - 1) / 2) * 0.3e-3,
        z_axis=5e-3 + np.arange(rows) * 1540 / (2 * rate),
    )
    uff.BeamformedData(
        data=pixels if reverse else pixels.T,
        scan=scan,
        sequence=wave(wavefront=uff.Wavefront.plane, source=point()),
        modulation_frequency=modulation,
        frame_rate=20,
    ).write(str(path), "beamformed_data", ignore_missing_compulsory_fields=True)
    return path


@pytest.mark.parametrize("reverse", [False, True])
def test_beamformed_rf_returns(tmp_path, phantom, assert_frames, reverse):
    path = write_beamformed(tmp_path / "a.uff", phantom.astype(np.float64), reverse=reverse)
    recording = open_recording([path])
    assert_frames(recording, phantom)
    assert recording.known["sampling_hz"] == pytest.approx(40e6)
    assert recording.known["sound_speed_m_s"] == 1540.0
    assert recording.known["pitch_m"] == pytest.approx(0.3e-3)
    assert recording.known["start_depth_m"] == pytest.approx(5e-3)
    assert recording.known["frame_rate_hz"] == 20.0


def test_beamformed_iq_is_remodulated(tmp_path, phantom):
    from scipy.signal import hilbert

    rf = phantom.astype(np.float64)
    time = 2 * 5e-3 / 1540 + np.arange(240) / 40e6
    iq = (hilbert(rf, axis=1) * np.exp(-2j * np.pi * 5e6 * time)[None, :, None])[:, ::2]
    scan = uff.LinearScan(x_axis=(np.arange(24) - 11.5) * 0.3e-3, z_axis=5e-3 + np.arange(120) * 2 * 1540 / (2 * 40e6))
    path = write_beamformed(tmp_path / "a.uff", iq, reverse=True, modulation=5e6, scan=scan)
    recording = open_recording([path])
    assert recording.shape == (3, 240, 24)
    assert recording.known["sampling_hz"] == pytest.approx(40e6)
    assert recording.known["center_hz"] == 5e6
    likeness = np.corrcoef(recording.read_frame(1)[20:-20].ravel(), rf[1, 20:-20].ravel())[0, 1]
    assert likeness > 0.98


def test_sector_scans_open_in_beam_space(tmp_path, phantom, assert_frames):
    scan = uff.SectorScan(
        azimuth_axis=(np.arange(24) - 11.5) * 0.02,
        depth_axis=40e-3 + np.arange(240) * 1540 / 80e6,
        origin=point(40e-3, np.pi),
    )
    path = write_beamformed(tmp_path / "a.uff", phantom.astype(np.float64), reverse=True, scan=scan)
    recording = open_recording([path])
    assert_frames(recording, phantom)
    assert recording.sector is not None
    assert recording.sector.apex_radius_m == pytest.approx(40e-3)
    assert recording.sector.angle_step_rad == pytest.approx(0.02)
    assert recording.known["start_depth_m"] == pytest.approx(0, abs=1e-9)


def test_several_groups_are_offered(tmp_path, phantom, echo):
    write_beamformed(tmp_path / "a.uff", phantom.astype(np.float64), reverse=True)
    data, waves = plane_waves(echo, (0.0,))
    write_channels(tmp_path / "a.uff", data, waves)
    recording = open_recording([tmp_path / "a.uff"])
    assert recording.variables == ("beamformed_data", "channel_data")
    assert recording.variable == "beamformed_data"
    assert open_recording([tmp_path / "a.uff"], ReadOptions(variable="channel_data")).costly


def test_no_data_is_one_line(tmp_path):
    point(1.0).write(str(tmp_path / "a.uff"), "point")
    with pytest.raises(ReadError, match="no array that could be RF; found: point"):
        open_recording([tmp_path / "a.uff"])


def test_pixels_that_do_not_fit_the_scan(tmp_path, phantom):
    path = write_beamformed(tmp_path / "a.uff", phantom.astype(np.float64), reverse=True)
    with h5py.File(path, "a") as file:
        del file["beamformed_data/scan/x_axis"]
        file["beamformed_data/scan/x_axis"] = np.arange(23) * 0.3e-3
    with pytest.raises(ReadError, match="the scan has 5520 pixels"):
        open_recording([path])


def test_damage(tmp_path, phantom, echo, survives):
    survives(write_beamformed(tmp_path / "a.uff", phantom[:, :60].astype(np.float64), reverse=True))
    data, waves = plane_waves(echo, (0.0,))
    survives(write_channels(tmp_path / "b.uff", data, waves), examples=15)
