import numpy as np
import pytest
import scipy.sparse
from scipy.io import loadmat, savemat

from engine.readers.matlab_file.source import open_matlab

RECORDS = np.array([(1.5, "one"), (2.5, "two")], dtype=[("number", object), ("word", object)])
CELL = np.empty((1, 3), object)
CELL[0] = [np.arange(4.0), "text", np.array([[1 + 2j, 3]])]
VALUES = {
    "scalar": 2.5,
    "row": np.arange(5, dtype=np.int16),
    "matrix": np.arange(12.0).reshape(3, 4),
    "cube": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "pair": np.array([[1 + 2j, 3 - 4j]]),
    "flag": np.array([[True, False]]),
    "word": "NS200BW",
    "empty": np.zeros((0, 3)),
    "nested": {"inner": {"deep": 3.0, "name": "x"}, "list": np.arange(3.0)},
    "records": RECORDS,
    "cell": CELL,
}


def same(ours, theirs):
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs)
        for name in theirs:
            same(ours[name], theirs[name])
    elif isinstance(theirs, str):
        assert ours == theirs
    elif isinstance(theirs, (list, np.ndarray)) and (isinstance(theirs, list) or theirs.dtype == object):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            same(mine, other)
    else:
        np.testing.assert_array_equal(np.asarray(ours).squeeze(), np.asarray(theirs).squeeze())


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", list(VALUES))
def test_every_kind_of_value_reads_as_in_scipy(tmp_path, name, compress):
    savemat(tmp_path / "a.mat", VALUES, do_compression=compress)
    same(open_matlab(tmp_path / "a.mat").value(name), loadmat(tmp_path / "a.mat", simplify_cells=True)[name])


def test_what_is_no_array_is_none(tmp_path):
    savemat(tmp_path / "a.mat", {"sparse": scipy.sparse.eye_array(4).tocsc(), "x": 1.0})
    source = open_matlab(tmp_path / "a.mat")
    assert source.value("sparse") is None
    assert source.value("x") == 1.0
    assert source.variables["sparse"].dtype is None


def test_names_and_shapes_without_values(tmp_path):
    savemat(tmp_path / "a.mat", VALUES, do_compression=True)
    variables = open_matlab(tmp_path / "a.mat").variables
    assert set(variables) == set(VALUES)
    assert variables["cube"].shape == (2, 3, 4)
    assert variables["pair"].is_complex
    assert variables["nested"].is_struct
    assert variables["flag"].dtype is None
