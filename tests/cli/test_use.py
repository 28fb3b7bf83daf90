"""`isthmus encode`, `isthmus decode` and `isthmus reconstruct`."""

import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import isthmus as ist

TABLES = ["codes.csv", "codes.tsv", "codes.txt", "codes.parquet", "codes.npy", "codes.npz"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def expected(trained):
    run = ist.load(trained)
    digits = ist.read_samples("digits")
    return {"codes": run.encode(digits).numpy(), "pictures": run.reconstruct(digits).numpy()}


@pytest.mark.parametrize("name", TABLES)
def test_codes_go_through_every_format_and_decode_to_the_same_pictures(isthmus, trained, expected, name):
    said = isthmus("encode", trained, "digits", name)
    assert said.code == 0, said.err
    assert said.out == f"{name}\n"
    codes = ist.read_samples(name)
    assert np.allclose(codes.tensor().numpy(), expected["codes"], rtol=1e-5, atol=1e-6)
    assert isthmus("decode", trained, name, "decoded.npy").code == 0
    decoded = np.load("decoded.npy").astype(np.float32).reshape(expected["pictures"].shape)
    assert np.abs(decoded - expected["pictures"]).max() <= 0.51


def test_pictures_come_back_as_pictures_in_a_folder_and_in_a_zip(isthmus, trained, here):
    assert isthmus("reconstruct", trained, "digits", "folder").code == 0
    assert isthmus("reconstruct", trained, "digits", "pictures.zip").code == 0
    files = sorted((here / "folder").glob("*.png"))
    assert len(files) == len(zipfile.ZipFile("pictures.zip").namelist()) == 1797
    with Image.open(files[0]) as picture:
        assert (picture.size, picture.mode) == ((8, 8), "L")


def test_pictures_go_in_as_pictures_and_keep_their_names(isthmus, trained, here):
    (here / "in").mkdir()
    for name in ("b.png", "a.png"):
        Image.fromarray(np.full((8, 8), 99, dtype=np.uint8)).save(here / "in" / name)
    assert isthmus("encode", trained, "in", "codes.parquet").code == 0
    assert pq.read_table("codes.parquet").column("name").to_pylist() == ["a.png", "b.png"]
    assert isthmus("reconstruct", trained, "in", "out").code == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["a.png", "b.png"]


def test_a_table_comes_back_with_its_columns_and_units(isthmus, here):
    rows = 1000 + 50 * np.random.default_rng(0).normal(size=(80, 3))
    lines = ["height,width,depth", *(",".join(map(str, row)) for row in rows)]
    (here / "table.csv").write_text("\n".join(lines))
    words = ["--set", "code=2", "--epochs", 1, "--compile", "no", "-q", "--out", "run"]
    assert isthmus("train", "table.csv", *words).code == 0
    assert isthmus("reconstruct", "run", "table.csv", "rebuilt.csv").code == 0
    header, *found = (here / "rebuilt.csv").read_text().splitlines()
    assert header.replace('"', "") == "height,width,depth"
    assert abs(np.array([line.split(",") for line in found], dtype=float).mean() - 1000) < 100


def test_codes_of_a_convolution_keep_their_places_on_the_way_back(isthmus, here):
    words = ["--recipe", "conv", "--epochs", 1, "--compile", "no", "-q", "--out", "run"]
    assert isthmus("train", "digits", *words).code == 0
    run = ist.load("run")
    assert len(run.model.code_shape) == 3
    expected = run.reconstruct("digits").numpy()
    for name in ("codes.npy", "codes.parquet"):
        assert isthmus("encode", "run", "digits", name).code == 0
        assert isthmus("decode", "run", name, f"{name}.out.npy").code == 0
        decoded = np.load(f"{name}.out.npy").astype(np.float32).reshape(expected.shape)
        assert np.abs(decoded - expected).max() <= 0.51


@pytest.mark.parametrize("command", ["encode", "decode", "reconstruct"])
def test_nothing_is_overwritten_unless_it_is_forced(isthmus, trained, here, command):
    source = "digits"
    if command == "decode":
        assert isthmus("encode", trained, "digits", "source.npy").code == 0
        source = "source.npy"
    (here / "there.npy").write_text("mine")
    said = isthmus(command, trained, source, "there.npy")
    assert said.code == 1
    assert "--force" in said.err
    assert said.err.count("\n") == 1
    assert (here / "there.npy").read_text() == "mine"
    assert isthmus(command, trained, source, "there.npy", "--force").code == 0
    assert len(np.load("there.npy")) == 1797


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["encode", "nowhere", "digits", "codes.npy"], "nowhere"),
        (["encode", "RUN", "nowhere.csv", "codes.npy"], "nowhere.csv"),
        (["encode", "RUN", "digits", "codes.docx"], ".docx"),
        (["encode", "RUN", "digits", "wide.npy/codes.npy"], "a part of its path is a file"),
        (["encode", "RUN", "wide.npy", "codes.npy"], "9"),
        (["encode", "RUN", "digits", "pictures.zip"], "picture"),
        (["decode", "RUN", "wide.npy", "out.npy"], "81"),
        (["reconstruct", "RUN", "digits", "one.png"], "1797"),
        (["encode", "RUN", "digits", "codes.npy", "--part", "test"], "test"),
    ],
)
def test_wrong_input_is_said_in_one_line_and_leaves_nothing_behind(isthmus, trained, here, words, told):
    np.save(here / "wide.npy", np.zeros((4, 9, 9), dtype=np.uint8))
    said = isthmus(*(trained if word == "RUN" else word for word in words))
    assert said.code == 1, said.err
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert told in said.err
    assert [path.name for path in here.iterdir()] == ["wide.npy"]


def test_missing_values_are_treated_as_the_options_say(isthmus, here):
    table = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    np.save("whole.npy", table)
    table[7, 1] = np.nan
    np.save("holes.npy", table)
    words = ["--set", "code=1", "--epochs", 1, "--compile", "no", "-q", "--out", "run"]
    assert isthmus("train", "whole.npy", *words).code == 0
    said = isthmus("encode", "run", "holes.npy", "codes.npy")
    assert said.code == 1
    assert "--missing drop" in said.err
    assert isthmus("encode", "run", "holes.npy", "codes.npy", "--missing", "drop").code == 0
    assert len(np.load("codes.npy")) == 49


def test_a_model_that_is_conditioned_on_labels_takes_them_from_the_sources(isthmus, here):
    words = ["--set", "code=4", "--epochs", 1, "--compile", "no", "-q", "--out", "run"]
    assert isthmus("train", "digits", "--recipe", "cvae", *words).code == 0
    assert isthmus("encode", "run", "digits", "codes.npy").code == 0
    assert isthmus("reconstruct", "run", "digits", "rebuilt.npy").code == 0
    assert isthmus("evaluate", "run", "digits", "-q").code == 0
    digits, run = ist.read_samples("digits"), ist.load("run")
    assert digits.labels is not None
    assert np.allclose(np.load("codes.npy"), run.encode(digits).numpy(), atol=1e-5)
    chosen = [str(label) for label in digits.labels[:50].tolist()][::-1]  # in another order than in training
    table = pa.table({"digit": chosen, **{f"z{i}": np.load("codes.npy")[:50, i] for i in range(4)}})
    pq.write_table(table, "codes.parquet")
    assert isthmus("decode", "run", "codes.parquet", "decoded.npy", "--label", "digit").code == 0
    expected = run.decode(np.load("codes.npy")[:50], digits.labels[:50].flip(0))
    assert np.abs(np.load("decoded.npy") - expected.numpy()).max() <= 0.51
    for command, source in (("decode", "codes.npy"), ("encode", "rebuilt.npy")):
        said = isthmus(command, "run", source, "out.npy")
        assert said.code == 1
        assert "conditioned on labels" in said.err
    pq.write_table(table.set_column(0, "digit", pa.array(["ten"] * 50)), "codes.parquet")
    said = isthmus("decode", "run", "codes.parquet", "out.npy", "--label", "digit")
    assert "no label 'ten'" in said.err


def test_a_conditional_model_of_data_without_labels_is_refused_before_training(isthmus, here):
    np.save("bare.npy", np.zeros((40, 8, 8), dtype=np.uint8))
    said = isthmus("train", "bare.npy", "--recipe", "cvae", "--out", "run", "-q")
    assert said.code == 1
    assert "--label" in said.err or "labels=" in said.err
    assert not (here / "run").exists()


def lines_of(path):
    return path.read_text().splitlines()


def test_holes_of_a_table_are_filled_and_the_rest_is_kept(isthmus, here):
    kinds, sizes = ["cat", "dog"] * 30, list(range(60))
    pq.write_table(pa.table({"kind": kinds, "size": sizes}), "pets.parquet")
    words = ["--recipe", "table", "--categorical", "auto", "--set", "code=1", "--epochs", "1", "--out", "run"]
    assert isthmus("train", "pets.parquet", *words, "--quiet").code == 0
    (here / "holes.csv").write_text("kind,size\ncat,\n,7\ndog,3\n")
    assert isthmus("reconstruct", "run", "holes.csv", "filled.csv", "--fill").code == 0
    lines = [line.split(",") for line in (here / "filled.csv").read_text().replace('"', "").splitlines()]
    assert lines[0] == ["kind", "size"]
    assert [lines[1][0], lines[2][1], lines[3]] == ["cat", "7", ["dog", "3"]]
    assert lines[2][0] in {"cat", "dog"}
    assert lines[1][1]
    assert isthmus("evaluate", "run", "--json").code == 0
    several = ("reconstruct", "run", "holes.csv", "drawn.csv", "--fill", "--draws", "3")
    assert isthmus(*several).code == 0
    texts = [(here / f"drawn-{number}.csv").read_text() for number in (1, 2, 3)]
    assert all(text.splitlines()[3] == lines_of(here / "filled.csv")[3] for text in texts)
    assert len({*texts}) > 1
    assert isthmus(*several, "--force").code == 0
    assert [(here / f"drawn-{number}.csv").read_text() for number in (1, 2, 3)] == texts
    assert isthmus(*several).code == 1  # they are there
    assert "--fill" in isthmus("reconstruct", "run", "holes.csv", "other.csv", "--draws", "3").err


def test_unreadable_pictures_are_named_and_left_out_and_the_exit_code_tells(isthmus, trained, here):
    (here / "in").mkdir()
    for name in ("a.png", "c.png"):
        Image.fromarray(np.full((8, 8), 99, dtype=np.uint8)).save(here / "in" / name)
    (here / "in" / "b.png").write_bytes(b"no picture")
    said = isthmus("encode", trained, "in", "codes.parquet")
    assert said.code == 1
    assert "1 picture can't be read and is left out: b.png." in said.err
    assert pq.read_table("codes.parquet").column("name").to_pylist() == ["a.png", "c.png"]


def test_what_is_read_in_pieces_gives_the_same_codes(isthmus, trained, expected, monkeypatch):
    digits = ist.read_samples("digits").tensor().numpy()
    np.save("digits.npy", digits)
    monkeypatch.setattr("isthmus.data.stream.SMALL", 0)
    monkeypatch.setattr("isthmus.data.stream.PIECE", 64 * 4 * 100)
    assert isthmus("encode", trained, "digits.npy", "codes.npy").code == 0
    assert np.allclose(np.load("codes.npy"), expected["codes"], rtol=1e-5, atol=1e-6)


def test_what_is_read_is_never_overwritten(isthmus, trained, here):
    np.save("digits.npy", ist.read_samples("digits").tensor().numpy())
    before = (here / "digits.npy").read_bytes()
    for command in ("encode", "reconstruct", "detect"):
        said = isthmus(command, trained, "digits.npy", "./digits.npy", "--force")
        assert (said.code, said.err) == (1, "isthmus: digits.npy is what is read: choose another name.\n")
    assert (here / "digits.npy").read_bytes() == before


def test_unlike_pictures_are_told_at_once_how_the_model_wants_them(isthmus, trained, here):
    (here / "photos").mkdir()
    Image.new("RGB", (9, 5)).save("photos/a.png")
    Image.new("L", (20, 30)).save("photos/b.png")
    said = isthmus("encode", trained, "photos", "codes.npy")
    assert said.code == 1
    assert said.err.strip().endswith(
        "a.png is RGB of 5 x 9 (height x width), but b.png is L of 30 x 20 (height x width): expected pictures of the "
        "size and mode of the model's training data. Read them with --size 8x8 and --mode L."
    )
    assert isthmus("encode", trained, "photos", "codes.npy", "--size", "8x8", "--mode", "L").code == 0


def test_a_table_with_text_holds_no_codes(isthmus, trained, here):
    rows = [f"{place},{'yes' if place % 2 else ''},{'' if place == 7 else place}" for place in range(9)]
    (here / "table.csv").write_text("\n".join(["age,smoker,weight", *rows]))
    said = isthmus("decode", trained, "table.csv", "decoded.npy")
    assert said.code == 1
    assert said.err == (
        "isthmus: table.csv has columns of text (smoker): expected codes, rows of 8 numbers as `isthmus encode` writes "
        "them. Give such, leave these columns out (--exclude smoker), or name one as --label.\n"
    )
    assert (
        "NaN or infinite values in 1 of 9"
        in isthmus("decode", trained, "table.csv", "a.npy", "--exclude", "smoker").err
    )
    assert not (here / "decoded.npy").exists()
