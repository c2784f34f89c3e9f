"""Every kind of file that the program writes, with what reads it: a file that is not whole is an error."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from programs import Inputs
from scipy.io import loadmat

from app.features.templates.storage import load_templates, save_template
from app.state import Regions
from app.state.workspace_file import Workspace, load_workspace, save_workspace
from engine.export.base import WRITERS as EXPORTS
from engine.export.base import Export
from engine.export.profile_table import profile_of
from engine.export.result_file import ResultWriter, read_result
from engine.figures.compose import Choices, compose, compose_frames
from engine.figures.movie import MovieRate, save_movie
from engine.figures.options import FigureOptions
from engine.figures.save import save_figure
from engine.files.atomic import write_text
from engine.files.shared_json import merge_json, read_json
from engine.metrics.profile import ProfileLine
from engine.networks import weights
from engine.networks.base import build
from engine.readers import ReadOptions, open_recording
from engine.simulation.write import write_recording
from engine.training import checkpoint
from engine.types import Ellipse, Result, RFSequence

Write = Callable[[Path, int], None]


@dataclass(frozen=True)
class Writer:
    """Writes into a folder, for the nth time, the `files` named, and reads them back."""

    files: tuple[str, ...]
    write: Write
    check: Callable[[Path], None]


def writers(inputs: Inputs) -> dict[str, Writer]:
    """Make all of them, on small inputs."""
    sequence = open_recording([inputs.recording], ReadOptions()).complete()
    result = read_result(inputs.result)
    return {
        **_exports(sequence, result),
        **_figures(sequence, result),
        **_kept(),
        **_trained(),
        **_recordings(sequence, result),
    }


def _recordings(sequence: RFSequence, result: Result) -> dict[str, Writer]:
    def write_result(folder: Path, _: int) -> None:
        first = result.read_frame(0)
        facts = (result.shape, result.geometry, first.reference_frame, result.deformed_frames, result.provenance)
        with ResultWriter(folder / "r.h5", *facts) as writer:
            for row in range(result.shape[0]):
                writer.append(result.read_frame(row))

    def check_result(folder: Path) -> None:
        found = read_result(folder / "r.h5")
        for row in range(result.shape[0]):
            np.testing.assert_array_equal(found.read_frame(row).strain.axial, result.read_frame(row).strain.axial)

    def check_frames(name: str) -> Callable[[Path], None]:
        def check(folder: Path) -> None:
            found = open_recording([folder / name], ReadOptions()).complete()
            assert found.shape == sequence.shape
            for index in range(found.shape[0]):
                assert np.isfinite(found.frame(index)).all()

        return check

    zea = Writer(("z.hdf5",), _export("zea", "z.hdf5", sequence, result), check_frames("z.hdf5"))
    own = Writer(("own.h5",), lambda folder, _: write_recording(folder / "own.h5", sequence), check_frames("own.h5"))
    return {"result": Writer(("r.h5",), write_result, check_result), "zea": zea, "recording": own}


def _export(name: str, file: str, sequence: RFSequence | None, result: Result) -> Write:
    target, background = Ellipse(0, 8e-3, 1.5e-3, 1.5e-3), Ellipse(-4e-3, 8e-3, 1.5e-3, 1.5e-3)
    export = Export(result=result, recording=sequence, target=target, background=background)
    return lambda folder, _: EXPORTS.get(name).save(export, folder / file)


def _exports(sequence: RFSequence, result: Result) -> dict[str, Writer]:
    def check_mat(folder: Path) -> None:
        assert np.shape(loadmat(folder / "a.mat")["axial_strain"]) == result.shape

    def check_npz(folder: Path) -> None:
        with np.load(folder / "a.npz") as found:
            assert all(found[name].size for name in found.files)

    def check_rows(name: str, least: int) -> Callable[[Path], None]:
        def check(folder: Path) -> None:
            text = (folder / name).read_text(encoding="utf-8")
            rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
            assert text.endswith("\n")
            assert len(rows) > least
            assert len({len(row) for row in rows}) == 1

        return check

    line = ProfileLine(-3e-3, 8e-3, 3e-3, 8e-3)
    text = profile_of(result, result.deformed_frames[0], line)
    return {
        "mat": Writer(("a.mat",), _export("arrays", "a.mat", None, result), check_mat),
        "npz": Writer(("a.npz",), _export("arrays", "a.npz", None, result), check_npz),
        "table": Writer(("t.csv",), _export("table", "t.csv", None, result), check_rows("t.csv", result.shape[0])),
        "profile": Writer(("p.csv",), lambda folder, _: write_text(folder / "p.csv", text), check_rows("p.csv", 10)),
    }


def _figures(sequence: RFSequence, result: Result) -> dict[str, Writer]:
    options = FigureOptions(dpi=60, settings=True)
    frame = result.deformed_frames[0]

    def write_figure(folder: Path, _: int) -> None:
        save_figure(compose(result, frame, Choices(options=options), read_rf=sequence.frame), folder / "f.png")

    def check_figure(folder: Path) -> None:
        with Image.open(folder / "f.png") as picture:
            picture.load()
        assert read_json(folder / "f.json")

    def write_movie(name: str) -> Write:
        return lambda folder, _: save_movie(compose_frames(result), folder / name, MovieRate(5.0), dpi=50)

    def check_gif(folder: Path) -> None:
        with Image.open(folder / "m.gif") as picture:
            for index in range(picture.n_frames):
                picture.seek(index)
                picture.load()

    def check_mp4(folder: Path) -> None:
        import imageio_ffmpeg

        frames, _ = imageio_ffmpeg.count_frames_and_secs(str(folder / "m.mp4"))
        assert frames == result.shape[0]

    return {
        "figure": Writer(("f.png", "f.json"), write_figure, check_figure),
        "gif": Writer(("m.gif",), write_movie("m.gif"), check_gif),
        "mp4": Writer(("m.mp4",), write_movie("m.mp4"), check_mp4),
    }


def _trained() -> dict[str, Writer]:
    network = build("usenet", {"base_channels": 2})

    def write_weights(folder: Path, number: int) -> None:
        with torch.no_grad():
            next(network.parameters()).fill_(float(number))
        weights.save(network, {}, folder / "w.safetensors")

    def write_checkpoint(folder: Path, number: int) -> None:
        checkpoint.save({"weights": {"a": torch.full((300, 300), float(number))}, "iteration": number}, folder / "c")

    def check_checkpoint(folder: Path) -> None:
        found = checkpoint.load(folder / "c")
        assert bool((found["weights"]["a"] == found["iteration"]).all())

    return {
        "weights": Writer(
            ("w.safetensors", "w.json"), write_weights, lambda folder: bool(weights.load(folder / "w.safetensors"))
        ),
        "checkpoint": Writer(("c",), write_checkpoint, check_checkpoint),
    }


def _kept() -> dict[str, Writer]:
    def write_settings(folder: Path, number: int) -> None:
        merge_json(folder / "preferences.json", {"first": number, f"key{number % 50}": "x" * 2000, "last": number})

    def check_settings(folder: Path) -> None:
        found = read_json(folder / "preferences.json")
        assert found["first"] == found["last"]

    def write_template(folder: Path, number: int) -> None:
        regions = Regions(target=Ellipse(0, 8e-3, 1e-3 * (1 + number % 9), 1e-3))
        save_template(f"name {number % 50}", regions, folder / "regions.json")

    def check_templates(folder: Path) -> None:
        assert "name 0" in load_templates(folder / "regions.json")

    def write_workspace(folder: Path, number: int) -> None:
        kept = Workspace(key=f"{number}", parts={"settings": {"text": f"{number}" * 20_000}})
        save_workspace(kept, folder / "w.strainscope")

    def check_workspace(folder: Path) -> None:
        found = load_workspace(folder / "w.strainscope")
        assert found.parts["settings"]["text"] == found.key * 20_000

    settings = ("preferences.json", "preferences.json.lock")
    return {
        "preferences": Writer(settings, write_settings, check_settings),
        "templates": Writer(("regions.json", "regions.json.lock"), write_template, check_templates),
        "workspace": Writer(("w.strainscope",), write_workspace, check_workspace),
    }
