"""`isthmus inspect`."""

import json

import pytest

TABLE = "id,age,place\n" + "".join(f"{row},{20 + row % 50},{'Rome' if row % 3 else 'Oslo'}\n" for row in range(60))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_table_is_described_with_what_is_left_out(isthmus, here):
    (here / "a.csv").write_text(TABLE)
    said = isthmus("inspect", "a.csv", "--page", "a.html")
    assert said.code == 0
    assert "left out (identifies rows)" in said.out
    assert "Rome 67" in said.out
    assert (here / "a.html").exists()
    assert isthmus("inspect", "a.csv", "--page", "a.html").code == 1
    found = json.loads(isthmus("inspect", "a.csv", "--json", "--types", "age=category").out)
    assert [one["kind"] for one in found["columns"]] == ["id", "category", "category"]


def test_wrong_use_is_said_in_one_line(isthmus, here):
    (here / "a.csv").write_text(TABLE)
    for words in (
        ["a.csv", "--page", "a.png"],
        ["a.csv", "--types", "age"],
        ["b.csv"],
        ["a.csv", "--types", "x=number"],
    ):
        said = isthmus("inspect", *words)
        assert said.code in (1, 2)
        assert "Traceback" not in said.err
