"""Files that were made to do harm: each is one clear line, soon, in little memory, and no other file is read."""

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

MATLAB_73 = b"MATLAB 7.3 MAT-file, hostile".ljust(124) + b"\x00\x02IM"
LIMIT_MIB = 300
PROCESSOR_S = 4
"""Of the program's own, on a slow machine; a file that does harm takes minutes, or for ever."""

READ_IN_PLACE = {"zeros_that_inflate"}
"""Files that are in order: their samples are inflated a piece at a time, so that they do no harm."""

Maker = Callable[[Path], Path]
MAKERS: dict[str, Maker] = {}


def made(maker: Maker) -> Maker:
    MAKERS[maker.__name__] = maker
    return maker


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind: int, shape: tuple[int, ...], name: bytes, values: bytes, flags: int = 0) -> bytes:
    head = element(6, struct.pack("<II", kind | flags << 8, 0)) + element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, head + element(1, name) + values)


def matlab_5(path: Path, *elements: bytes) -> Path:
    path.write_bytes(b"MATLAB 5.0 MAT-file, hostile".ljust(124) + b"\x00\x01IM" + b"".join(elements))
    return path


def matlab_73(path: Path, fill: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "w", userblock_size=512) as file:
        fill(file)
    content = bytearray(path.read_bytes())
    content[: len(MATLAB_73)] = MATLAB_73
    path.write_bytes(content)
    return path


@made
def structures_without_fields(folder: Path) -> Path:
    rf = matrix(6, (64, 8), b"RF", element(9, np.random.default_rng(0).standard_normal(512).tobytes()))
    empty = element(5, struct.pack("<i", 32)) + element(1, b"")
    return matlab_5(folder / "s.mat", rf, matrix(2, (2**31 - 1, 2**31 - 1), b"param", empty))


@made
def cells_beyond_number(folder: Path) -> Path:
    cells = matrix(1, (2**16 - 1, 1), b"", element(14, b"") * (2**16 - 1))
    return matlab_5(folder / "cells.mat", matrix(1, (8, 1), b"param", cells * 8))


@made
def zeros_that_inflate(folder: Path) -> Path:
    # int8 complex 1024 x 1024 x 40: 80 MB of zeros in 80 kB, and 640 MB as complex numbers of double precision
    count = 1024 * 1024 * 40
    numbers = element(1, bytes(count))
    inner = matrix(8, (1024, 1024, 40), b"rf", numbers + numbers, flags=8)
    deflater = zlib.compressobj(1)
    stored = b"".join(deflater.compress(inner[k : k + 2**24]) for k in range(0, len(inner), 2**24)) + deflater.flush()
    return matlab_5(folder / "c.mat", struct.pack("<II", 15, len(stored)) + stored)


@made
def escapes_in_a_name(folder: Path) -> Path:
    return matlab_5(folder / "esc.mat", matrix(6, (2, 2), b"\x1b]0;owned\x07\x1b[2J", element(9, bytes(32))))


@made
def groups_linked_twice_a_level(folder: Path) -> Path:
    def fill(file: h5py.File) -> None:
        last = file.create_group("#0")
        last["x"] = 1.0
        for level in range(1, 29):
            group = file.create_group(f"#{level}")
            group["a"], group["b"] = last, last
            last = group
        file["param"] = last
        file["rf"] = np.random.default_rng(0).standard_normal((2, 8, 64))

    return matlab_73(folder / "bl.mat", fill)


@made
def references_of_references(folder: Path) -> Path:
    def fill(file: h5py.File) -> None:
        last = file.create_dataset("#0", data=1.0)
        for level in range(1, 6):
            made = file.create_dataset(f"#{level}", (100,), h5py.ref_dtype)
            made[...] = [last.ref] * 100
            last = made
        group = file.create_group("param")
        group["fs"] = last
        file["rf"] = np.random.default_rng(0).standard_normal((2, 8, 64))

    return matlab_73(folder / "rb.mat", fill)


def _rate(path: Path, name: str, make: Callable[[h5py.Group], None]) -> Path:
    def fill(file: h5py.File) -> None:
        file["rf"] = np.random.default_rng(0).standard_normal((2, 8, 64))
        make(file.create_group(name) if name else file)

    return matlab_73(path, fill)


def _secret(folder: Path) -> Path:
    path = folder / "secret.bin"
    path.write_bytes(struct.pack("<8d", *[77e6] * 8))
    with h5py.File(folder / "secret.h5", "w") as file:
        file["fs"] = np.array([[77e6]])
    return path


@made
def values_in_another_file(folder: Path) -> Path:
    secret = _secret(folder)
    return _rate(
        folder / "xs.mat", "", lambda file: file.create_dataset("fs", (1, 1), "f8", external=[(str(secret), 0, 8)])
    )


@made
def values_in_another_file_in_a_structure(folder: Path) -> Path:
    secret = _secret(folder)
    return _rate(
        folder / "xt.mat",
        "param",
        lambda group: group.create_dataset("fs", (1, 1), "f8", external=[(str(secret), 0, 8)]),
    )


@made
def a_link_to_another_file(folder: Path) -> Path:
    secret = _secret(folder).with_name("secret.h5")

    def link(group: h5py.Group) -> None:
        group["fs"] = h5py.ExternalLink(str(secret), "/fs")

    return _rate(folder / "xl.mat", "param", link)


@made
def a_view_of_another_file(folder: Path) -> Path:
    secret = _secret(folder).with_name("secret.h5")

    def view(group: h5py.Group) -> None:
        layout = h5py.VirtualLayout((1, 1), "f8")
        layout[...] = h5py.VirtualSource(str(secret), "fs", (1, 1))
        group.create_virtual_dataset("fs", layout)

    return _rate(folder / "vd.mat", "param", view)


@made
def an_endless_heap(folder: Path) -> Path:
    path = folder / "endless.uff"
    with h5py.File(path, "w") as file:
        file.create_group("channel_data").attrs["class"] = "uff.channel_data"
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")
    content[heap + 16 : heap + 48] = bytes(32)
    path.write_bytes(content)
    return path


@made
def names_that_are_no_text(folder: Path) -> Path:
    path = folder / "names.uff"
    with h5py.File(path, "w") as file:
        file.create_group("channel_data")
    path.write_bytes(path.read_bytes().replace(b"channel_data", b"channel_dat\xff"))
    return path


@made
def a_piece_that_inflates_twice(folder: Path) -> Path:
    path = folder / "ch2.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update(format="strainscope-rf", version=1)
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((3, 2**13, 2**12))
        plist.set_deflate(9)
        plist.set_deflate(9)
        space = h5py.h5s.create_simple((3, 2**13, 2**12))
        rf = h5py.h5d.create(file.id, b"rf", h5py.h5t.NATIVE_INT16, space, plist)
        once = zlib.compressobj(1)
        parts = [once.compress(bytes(2**24)) for _ in range(3 * 2**13 * 2**12 * 2 // 2**24)]
        rf.write_direct_chunk((0, 0, 0), zlib.compress(b"".join(parts) + once.flush(), 9))
    return path


@made
def transmits_beyond_number(folder: Path) -> Path:
    path = folder / "pm.hdf5"
    with h5py.File(path, "w") as file:
        group = file.create_group("US/US_DATASET0000")
        group.create_dataset("data/real", (4_000_000, 128, 1024), "f4", chunks=(1, 128, 1024))
        group.create_dataset("angles", (4_000_000,), "f4", chunks=(4_000_000,), compression="gzip")
        group["probe_geometry"] = np.zeros((3, 128), "f4")
        for name in ("sampling_frequency", "modulation_frequency", "initial_time", "sound_speed"):
            group[name] = 1.0
    return path


@made
def frames_that_are_not_there(folder: Path) -> Path:
    path = folder / "empty.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update(format="strainscope-rf", version=1)
        file.create_dataset("rf", (2**22, 4096, 4096), "i2", chunks=(1, 4096, 4096), compression="gzip")
        file["rf"][0, :2, :2] = 1
    return path


@made
def too_many_groups(folder: Path) -> Path:
    path = folder / "mg.h5"
    with h5py.File(path, "w", libver="latest") as file:
        for number in range(2**14 + 1):
            file.create_group(str(number))
    return path


@made
def a_method_that_knows_no_bounds(folder: Path) -> Path:
    path, header = folder / "bz.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i2", "fortran_order": False, "shape": (24, 1024, 1024)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive, archive.open("rf.npy", "w") as stream:
        stream.write(header.getvalue())
        for _ in range(3):
            stream.write(bytes(2**24))
    return path


@made
def a_member_that_inflates(folder: Path) -> Path:
    path, header = folder / "zip.npz", io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i2", "fortran_order": False, "shape": (24, 1024, 1024)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("rf.npy", "w") as stream:
        stream.write(header.getvalue() + bytes(48 * 2**20))
    return path


@made
def an_offset_beyond_the_data(folder: Path) -> Path:
    import gzip

    head = bytearray(348)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, 64, 128, 2, 1, 1, 1, 1)
    struct.pack_into("<hh", head, 70, 4, 16)
    struct.pack_into("<f", head, 108, 2.0**30)
    head[344:348] = b"n+1\0"
    path = folder / "vo.nii.gz"
    path.write_bytes(gzip.compress(bytes(head) + bytes(2**25), 1))
    return path


@made
def entities_in_another_encoding(folder: Path) -> Path:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "128">]><!-- B-Mode/Samples --><a>'
    text += '<parameter name="B-Mode/Samples" value="&b;"/></a>'
    path = folder / "vey.xml"
    path.write_bytes(text.encode("utf-16") + "B-Mode/Samples".encode("ascii"))
    (folder / "vey.bmode").write_bytes(bytes(4096))
    return path


RUN = """
import contextlib, io, json, resource, sys, time
from app.cli import main
from engine.files.reading_process import PROCESS

def used():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) // 1024

for path in sys.argv[1:]:
    started, out, err = time.process_time(), io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["info", path])
    seconds = time.process_time() - started
    print(json.dumps([path, status, out.getvalue(), err.getvalue(), seconds, used()]), flush=True)
PROCESS.close()
print(json.dumps(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in kibibytes, and limited, on Linux")
def test_files_that_do_harm_are_one_line_each(tmp_path: Path) -> None:
    paths = {}
    for name, maker in MAKERS.items():
        (tmp_path / name).mkdir()
        paths[str(maker(tmp_path / name))] = name
    call = [sys.executable, "-c", RUN, *paths]
    done = subprocess.run(call, capture_output=True, text=True, timeout=250, check=True)
    *lines, child_mib = map(json.loads, done.stdout.splitlines())
    assert len(lines) == len(MAKERS)
    for path, status, out, err, seconds, peak_mib in lines:
        name = paths[path]
        assert status == (0 if name in READ_IN_PLACE else 2), (name, out, err)
        assert err.count("\n") == (name not in READ_IN_PLACE), (name, err)
        assert "Traceback" not in err, name
        assert "\x1b" not in err + out, name
        assert Path(path).stem in err + out, (name, err)
        assert "77" not in out, name
        assert seconds < PROCESSOR_S, (name, seconds)
        assert peak_mib < LIMIT_MIB, (name, peak_mib)
    assert child_mib < LIMIT_MIB
