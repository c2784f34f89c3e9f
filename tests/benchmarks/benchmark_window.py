"""How quick the window is: drag, opening, cine, cancelling, and how long its thread is ever blocked.

    QT_QPA_PLATFORM=offscreen python tests/benchmarks/benchmark_window.py [--frames 200] [--openings 200]

Prints one line a figure. The recording is 2048 x 256; its estimates are made up, so that the window alone is measured,
except for cancelling, which runs the real correlation tracker and the real solver of GLUE.
"""

import argparse
import itertools
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app.controllers.estimation import Catalog, Device, Engine, ShownFrame, list_methods
from app.controllers.reading import OpenedFile
from app.features.export.controller import ExportController, FigureOptions
from app.jobs import JobControl
from app.preferences import Preferences
from app.state import MethodInfo, Regions, Role, StrainMethodInfo
from app.state.run_store import RunStore
from app.theme import apply_theme
from app.window.main_window import MainWindow
from engine.estimators.base import ESTIMATORS
from engine.estimators.ncc import NccParams
from engine.pipeline import Settings
from engine.readers.base import Recording
from engine.strain.least_squares import LeastSquaresParams
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, RFSequence, Strain, geometry_fields

ROWS, LINES = 2048, 256
GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.2e-3, frame_rate_hz=30.0)


class Watchdog:
    """Longest time for which the window's thread did not come round, in seconds.

    By the clock it grows when other programs have the processor. So two more figures bound it: what the window's thread
    itself computed meanwhile, and what all threads of this program computed, some of which it may have waited for.
    """

    def __init__(self) -> None:
        self.longest = [0.0, 0.0, 0.0]
        self._last = self._clocks()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(1)

    def _beat(self) -> None:
        now = self._clocks()
        clock, own, every = (after - before for after, before in zip(now, self._last, strict=True))
        self.longest = [max(pair) for pair in zip(self.longest, (clock, own, min(clock, every)), strict=True)]
        self._last = now

    def _clocks(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.thread_time(), time.process_time()

    def restart(self) -> None:
        """Forget what was measured so far."""
        self._beat()
        self.longest = [0.0, 0.0, 0.0]

    def report(self, name: str) -> None:
        """Print the longest block since the last call."""
        for words, longest in zip(("by the clock", "own work", "work of all threads"), self.longest, strict=True):
            report(f"longest block while {name}, {words}", 1e3 * longest, "ms")
        self.restart()


def spin(application: QApplication, until: Callable[[], bool], seconds: float = 120.0) -> float:
    """Run the window until something holds; return how long it took."""
    start = time.perf_counter()
    while not until():
        application.processEvents()
        time.sleep(0.0005)
        if time.perf_counter() - start > seconds:
            raise TimeoutError
    return time.perf_counter() - start


def fake_estimate(
    sequence: RFSequence,
    settings: Settings,
    store: RunStore,
    _device: Device,
    _shown: ShownFrame,
    control: JobControl,
) -> str:
    """Fill the store with made-up maps of full size."""
    random = np.random.default_rng(0)
    zero = np.zeros(sequence.shape[1:], np.float32)
    strain = (-0.01 + 0.002 * random.standard_normal(zero.shape)).astype(np.float32)
    quality = random.random(zero.shape).astype(np.float32)
    for frame in range(1, sequence.shape[0]):
        control.check()
        maps = Strain(strain * np.float32(frame / 10), sequence.geometry, 2e-3)
        store.add(FrameEstimate(0, frame, Displacement(zero, zero, sequence.geometry), maps, quality))
        control.item(frame)
        control.progress(frame, sequence.shape[0] - 1)
    return "cpu"


def fake_methods(_control: JobControl) -> Catalog:
    """List one method, and load what the real list loads."""
    list(ESTIMATORS)
    made_up = MethodInfo("ncc", "Made up", "classical", NccParams)
    strain = StrainMethodInfo("least-squares", "Least squares", LeastSquaresParams)
    return Catalog((made_up,), "ncc", LeastSquaresParams(), strain_methods=(strain,))


def big_sequence(frames: int) -> RFSequence:
    """Recording of 2048 x 256 that is made up as it is read."""
    block = np.random.default_rng(1).standard_normal((ROWS + 64, LINES)).astype(np.float32)
    return RFSequence((frames, ROWS, LINES), GEOMETRY, lambda frame: block[frame % 64 : frame % 64 + ROWS].copy())


def report(name: str, value: float, unit: str) -> None:
    """Print one figure."""
    print(f"{name:<66}{value:>10.1f} {unit}", flush=True)  # noqa: T201


def memory_mib() -> float:
    """Resident memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def open_sequence(application: QApplication, window: MainWindow, sequence: RFSequence) -> None:
    """Open and estimate as the window does with a file."""
    regions = Regions(Ellipse(-8e-3, 20e-3, 5e-3, 5e-3), Ellipse(8e-3, 20e-3, 5e-3, 5e-3))
    recording = Recording(sequence.shape, {}, sequence.read_frame, (), "made up")
    window.state.set_recording(sequence)
    window.commands.files.opened.emit(OpenedFile((), "", "", recording, None, {}, regions))
    spin(application, lambda: window.state.run is not None and window.state.run.status == "complete")


def drag(application: QApplication, window: MainWindow) -> None:
    """Time of one step of a drag: new ellipse, numbers, both images painted."""
    spin(application, lambda: window.state.picture is not None and window.state.picture.strain is not None)
    target = window.state.regions.target
    assert target is not None
    numbers, painted = [], []
    for step in range(100):
        moved = Ellipse(target.lateral_m + step * 5e-5, target.depth_m, target.semi_lateral_m, target.semi_axial_m)
        start = time.perf_counter()
        window.commands.regions.edit(Role.TARGET, moved, False)
        numbers.append(time.perf_counter() - start)
        application.processEvents()
        painted.append(time.perf_counter() - start)
    window.commands.regions.edit(Role.TARGET, target, True)
    report("drag: numbers follow, median", 1e3 * float(np.median(numbers)), "ms")
    report("drag: numbers follow and window painted, median", 1e3 * float(np.median(painted)), "ms")


def cine(application: QApplication, window: MainWindow) -> None:
    """Pictures a second while playing computed frames at 30 frames a second, first time round and later."""
    shown: list[int] = []
    window.state.picture_changed.connect(lambda: shown.append(window.state.frame))
    window.commands.playback.first()
    window.commands.playback.toggle()
    for name in ("first seconds", "later"):
        shown.clear()
        start, own, every = time.perf_counter(), time.thread_time(), time.process_time()
        spin(application, lambda start=start: time.perf_counter() - start > 4.0)
        report(f"cine at 30 frames/s, {name}", len(shown) / 4.0, "frames/s")
        report(f"cine, {name}: own work a picture", 1e3 * (time.thread_time() - own) / len(shown), "ms")
        report(f"cine, {name}: work of all threads a picture", 1e3 * (time.process_time() - every) / len(shown), "ms")
    window.commands.playback.pause()


def export(application: QApplication, window: MainWindow, folder: Path) -> None:
    """Write a figure."""
    source = window.commands.part(ExportController).figure_source((0.0, 2.0))
    assert source is not None
    window.commands.part(ExportController).save_figure(source, FigureOptions(dpi=150), folder / "figure.png")
    spin(application, lambda: not window.commands.part(ExportController).is_running())


def open_large_file(application: QApplication, window: MainWindow, folder: Path) -> None:
    """First B-mode of a 4 GB recording in our own format, and the memory it takes."""
    import h5py

    path = folder / "large.h5"
    with h5py.File(path, "w") as file:
        rf = file.create_dataset("rf", (2048, ROWS, LINES), np.float32, chunks=(1, ROWS, LINES))
        rf[0] = np.random.default_rng(2).standard_normal((ROWS, LINES)).astype(np.float32)
        rf[2047] = rf[0]
        file.attrs.update(
            format="strainscope-rf",
            version=1,
            **{
                name: getattr(GEOMETRY, name)
                for name in ("sampling_hz", "center_hz", "sound_speed_m_s", "pitch_m", "start_depth_m")
            },
        )
    window.preferences.estimate_on_open = False
    before = memory_mib()
    window.state.set_recording(None)
    window.open_paths((path,))
    report("4 GB sequence: first B-mode", spin(application, lambda: window.state.picture is not None), "s")
    report("4 GB sequence: memory taken", memory_mib() - before, "MiB")


def write_recording(path: Path, frames: int) -> Path:
    """Write a recording of 2048 x 256 in our own format."""
    import h5py

    sequence = big_sequence(frames)
    with h5py.File(path, "w") as file:
        file["rf"] = np.stack([sequence.frame(frame) for frame in range(frames)])
        values = {name: value for name in geometry_fields() if (value := getattr(GEOMETRY, name)) is not None}
        file.attrs.update(format="strainscope-rf", version=1, **values)
    return path


def known_recording(application: QApplication, window: MainWindow, watchdog: Watchdog, folder: Path) -> None:
    """Open a recording of 24 frames whose regions and results are kept: time to regions, to strain, to all strain."""
    known, other = write_recording(folder / "known.h5", 24), write_recording(folder / "other.h5", 2)
    state = window.state
    watchdog.restart()  # writing the files was not the window's work

    def complete() -> bool:
        return state.run is not None and state.run.status == "complete"

    window.open_paths((known,))
    spin(application, lambda: state.recording is not None and state.recording.frames == 24 and complete())
    window.commands.regions.put_in_the_middle()
    window.commands.playback.show_frame(12)
    spin(application, lambda: not window.jobs.results.busy() and not window.jobs.keeping.busy())
    watchdog.report("estimating and keeping 24 frames")
    for _ in range(3):
        window.open_paths((other,))
        spin(application, lambda: state.recording is not None and state.recording.frames == 2 and complete())
        spin(application, lambda: not window.jobs.results.busy())
        watchdog.restart()
        start = time.perf_counter()
        window.open_paths((known,))
        spin(application, lambda: state.recording is not None and state.recording.frames == 24)
        opened = time.perf_counter() - start
        spin(application, lambda: state.picture is not None and state.picture.strain is not None)
        report("known recording: open, with its regions", opened, "s")
        report("known recording: strain of its frame shown", time.perf_counter() - start, "s")
        spin(application, complete)
        report("known recording: strain of all 24 frames there", time.perf_counter() - start, "s")
        watchdog.report("opening a known recording")


def openings(application: QApplication, window: MainWindow, count: int) -> None:
    """Memory after opening and closing many recordings."""
    window.preferences.estimate_on_open = True
    memory = []
    for _ in range(count):
        open_sequence(application, window, big_sequence(3))
        spin(application, lambda: window.state.picture is not None)
        window.state.set_recording(None)
        memory.append(memory_mib())
    settled = memory[min(20, count - 1)]
    report(f"memory after {count} recordings, less that after 20", memory[-1] - settled, "MiB")


def cancelling(application: QApplication) -> None:
    """Time until the window answers and until the engine thread is free, with real trackers at work."""
    window = MainWindow(Preferences(), "cpu", Engine(list_methods))
    window.show()
    spin(application, lambda: bool(window.state.methods))
    answers, free = [], []
    for method, wait in itertools.product(("ncc", "glue"), (0.2, 0.6, 1.4)):
        window.commands.processing.choose_method(method)
        window.state.set_recording(big_sequence(4))
        window.commands.processing.start()
        start = time.perf_counter()
        spin(application, lambda start=start, wait=wait: time.perf_counter() - start > wait)
        start = time.perf_counter()
        window.commands.cancel()
        answers.append(time.perf_counter() - start)
        spin(application, lambda: not window.jobs.engine.busy())
        free.append(time.perf_counter() - start)
    report("cancel: answered, longest", 1e3 * max(answers), "ms")
    report("cancel: engine thread free, longest", 1e3 * max(free), "ms")
    window.close()


def main() -> None:
    """Run every measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--openings", type=int, default=200)
    chosen = parser.parse_args()
    application = QApplication([])
    apply_theme(application, "dark")
    window = MainWindow(Preferences(), "cpu", Engine(fake_methods, fake_estimate))
    window.show()
    spin(application, lambda: bool(window.state.methods))
    watchdog = Watchdog()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["STRAINSCOPE_CONFIG"] = name  # nothing of the user's is touched
        sequence = big_sequence(chosen.frames)
        spin(application, lambda: not window.jobs.numbers.busy())
        watchdog.restart()
        open_sequence(application, window, sequence)
        watchdog.report("opening and estimating")
        drag(application, window)
        watchdog.restart()
        cine(application, window)
        watchdog.report("playing")
        export(application, window, folder)
        watchdog.report("exporting a figure")
        window.state.set_recording(None)
        spin(application, lambda: not window.jobs.numbers.busy())
        watchdog.report("closing the recording")
        known_recording(application, window, watchdog, folder)
        open_large_file(application, window, folder)
        openings(application, window, chosen.openings)
    window.close()
    cancelling(application)


if __name__ == "__main__":
    main()
