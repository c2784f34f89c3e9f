"""The table of a batch, read again as a list of results."""

from pathlib import Path

import pytest

from engine.batch.listed import listed_results
from engine.errors import ReadError

HEAD = "recording,result,frame,strain_ratio,cnr,reliability\n"


def test_results_come_in_the_order_of_the_table_with_means_over_frames_worth_keeping(tmp_path: Path) -> None:
    good = "r,b.h5,1,2,4,good\nr,b.h5,2,4,6,good\n"
    poor = "r,b.h5,3,90,90,unreliable\nr,a.h5,1,,,no match\nr,gone.h5,1,1,1,good\n"
    (tmp_path / "t.csv").write_text(f"# target: none\n{HEAD}{good}{poor}")
    for name in ("a.h5", "b.h5"):
        (tmp_path / name).touch()
    found = listed_results(tmp_path / "t.csv")
    assert list(found) == [tmp_path / "b.h5", tmp_path / "a.h5"]
    assert found[tmp_path / "b.h5"].startswith("2 of 3 frames worth keeping, ")
    assert "3.00" in found[tmp_path / "b.h5"]
    assert "CNR 5.00" in found[tmp_path / "b.h5"]
    assert found[tmp_path / "a.h5"] == "0 of 1 frames worth keeping"


@pytest.mark.parametrize("text", ["recording,target\na.h5,\n", "", "result\nx\n"])
def test_other_tables_are_no_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert listed_results(tmp_path / "t.csv") == {}
    assert listed_results(tmp_path / "t.h5") == {}


def test_no_table_leads_out_of_its_folder_and_damage_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "x.h5").touch()
    table = tmp_path / "in" / "t.csv"
    table.write_text(f"{HEAD}r,../x.h5,1,1,1,good\n")
    with pytest.raises(ReadError, match="names 1 results, none of which lies beside it"):
        listed_results(table)
    table.write_bytes(HEAD.encode() + b"r,\xff\xfe,1,1,1,good\n")
    with pytest.raises(ReadError, match="is no readable table"):
        listed_results(table)
