"""Formats of data: each is one registered class, from which menus, dialogs, command line and guide are made."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from app.cli import main
from app.commands import exports
from app.features.help.guide import guide_text
from engine.errors import WriteError
from engine.export.base import WRITERS, Export, Writer, writer_for
from engine.export.result_file import read_result
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Result, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (200, 30)


def read(row: int) -> FrameEstimate:
    values = np.full(SHAPE, -1e-3 * (row + 1), np.float32)
    displacement = Displacement(1e-4 * values, 0 * values, GEOMETRY)
    return FrameEstimate(0, row + 1, displacement, Strain(values, GEOMETRY, 2e-3), np.ones_like(values))


RESULT = Result((3, *SHAPE), GEOMETRY, 0, (1, 2, 3), Provenance("ncc", {}, "", "0.1.0", "cd" * 32), read)


@pytest.mark.parametrize("writer", list(WRITERS), ids=lambda writer: writer.name)
def test_every_format_keeps_its_contract(writer: Writer, tmp_path: Path) -> None:
    assert writer.title
    assert writer.help[0].isupper()
    assert not writer.help.endswith(".")
    assert Path(writer.file_name).suffix in writer.extensions
    done: list[int] = []
    for ending in writer.extensions:
        assert ending.startswith(".")
        path = tmp_path / f"out{ending}"
        writer.save(Export(RESULT, progress=lambda row, total: done.append(row)), path)
        assert path.stat().st_size > 0
    with pytest.raises(WriteError, match="ends in"):
        writer.save(Export(RESULT), tmp_path / "out.docx")
    with pytest.raises(WriteError, match=r"there is no result|needs a recording"):
        writer.save(Export(), tmp_path / f"none{next(iter(writer.extensions))}")
    assert writer_for(Path(writer.file_name).suffix) is writer


def test_a_result_is_copied_whole(tmp_path: Path) -> None:
    WRITERS.get("result").save(Export(RESULT), tmp_path / "copy.h5")
    again = read_result(tmp_path / "copy.h5")
    assert (again.deformed_frames, again.provenance) == (RESULT.deformed_frames, RESULT.provenance)
    assert np.array_equal(again.read_frame(2).strain.axial, read(2).strain.axial)


class Counting(Writer):
    """How many frames there are, as text."""

    name = "counting"
    title = "Count"
    help = "How many frames there are"
    extensions: ClassVar = {".count": "A number"}
    file_name = "frames.count"

    def write(self, export: Export, path: Path) -> None:
        """Write the number."""
        path.write_text(str(len(export.needed_result().deformed_frames)), encoding="utf-8")


@pytest.fixture(name="counting")
def fixture_counting() -> Iterator[Counting]:
    """A format that a new file would bring."""
    assert "counting" not in WRITERS.names()
    writer = Counting()
    WRITERS.register("counting", writer)
    yield writer
    del WRITERS._entries["counting"]


def test_a_new_format_is_on_the_command_line_and_in_the_guide_by_registering_alone(
    counting: Counting, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    WRITERS.get("result").save(Export(RESULT), tmp_path / "result.h5")
    assert main(["export", str(tmp_path / "result.h5"), "-o", str(tmp_path / "a.count")]) == 0
    assert (tmp_path / "a.count").read_text(encoding="utf-8") == "3"
    assert exports._writer("counting", Path("b.count")) is counting
    assert "| Count | .count | How many frames there are |" in guide_text()
    capsys.readouterr()
    assert main(["export", str(tmp_path / "result.h5"), "-o", str(tmp_path / "a.tiff")]) == 2
    assert ".count" in capsys.readouterr().err
