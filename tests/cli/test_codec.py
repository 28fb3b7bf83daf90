"""The commands `compress`, `decompress` and `codec-info`: what they say, and how they end."""

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def some(tmp_path_factory):
    """Sixty pictures; not to be changed."""
    path = tmp_path_factory.mktemp("some") / "some.npy"
    np.save(path, np.random.default_rng(0).choice([0, 90, 255], (60, 8, 8)).astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def squeezed(isthmus, trained, some, tmp_path_factory):
    """The pictures, compressed in blocks; not to be changed."""
    path = tmp_path_factory.mktemp("squeezed") / "some.isth"
    said = isthmus("compress", trained, some, path, "--rows", 25)
    assert said.code == 0, said.err
    assert "samples in" in said.out
    assert "times smaller" in said.out
    return path


def test_the_samples_come_back(isthmus, trained, some, squeezed, tmp_path):
    said = isthmus("decompress", squeezed, tmp_path / "whole.npy", "--run", trained, "--quiet")
    assert said.code == 0, said.err
    assert said.out.strip() == str(tmp_path / "whole.npy")
    whole = np.load(tmp_path / "whole.npy")
    assert np.array_equal(whole.reshape(-1, 8, 8), np.load(some))
    said = isthmus("decompress", squeezed, tmp_path / "some.npy", "--rows", "10:20")
    assert said.code == 0, said.err
    assert np.array_equal(np.load(tmp_path / "some.npy"), whole[10:20])
    said = isthmus("decompress", squeezed, tmp_path / "one.npy", "--rows", "3")
    assert np.array_equal(np.load(tmp_path / "one.npy"), whole[3:4])


def test_json_alone_is_on_stdout(isthmus, trained, some, squeezed, tmp_path):
    said = isthmus("compress", trained, some, tmp_path / "a.isth", "--quality", 50, "--json")
    assert said.code == 0, said.err
    made = json.loads(said.out)
    assert (made["method"], made["bytes"]) == ("code", (tmp_path / "a.isth").stat().st_size)
    info = json.loads(isthmus("codec-info", squeezed, "--json").out)
    assert info["samples"] == made["samples"]
    assert info["model"]["name"] == trained.as_posix()


def test_codec_info_names_the_run_without_loading_it(isthmus, trained, squeezed):
    said = isthmus("codec-info", squeezed)
    assert said.code == 0
    assert str(trained) in said.out
    assert "60 samples (pictures, uint8)" in said.out


@pytest.mark.parametrize("way", [("--max-error", 3), ("--bits-per-pixel", 0.5), ("--lossless",)])
def test_how_much_may_be_lost_is_an_option(isthmus, trained, some, tmp_path, way):
    said = isthmus("compress", trained, some, tmp_path / "a.isth", *way)
    assert said.code == 0, said.err
    assert isthmus("decompress", tmp_path / "a.isth", tmp_path / "a.npy").code == 0


def test_what_is_there_is_overwritten_with_force_only(isthmus, trained, some, squeezed, tmp_path):
    (tmp_path / "a.isth").write_text("before")
    (tmp_path / "a.npy").write_text("before")
    for words in (
        ("compress", trained, some, tmp_path / "a.isth"),
        ("decompress", squeezed, tmp_path / "a.npy"),
    ):
        said = isthmus(*words)
        assert said.code == 1
        assert "already" in said.err
        assert "--force" in said.err
        assert said.err.count("\n") == 1
        assert isthmus(*words, "--force", "--quiet").code == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("compress", "nowhere", "digits", "OUT"), 1, "nowhere"),
        (("compress", "RUN", "missing.npy", "OUT"), 1, "missing.npy"),
        (("compress", "RUN", "digits", "OUT", "--quality", 101), 2, "quality"),
        (("compress", "RUN", "digits", "OUT", "--max-error", 0), 2, "max-error"),
        (("compress", "RUN", "digits", "OUT", "--jobs", 0), 2, "jobs"),
        (("compress", "RUN", "digits", "OUT", "--quality", 5, "--lossless"), 2, "exclude each other"),
        (("compress", "RUN"), 2, "SOURCE"),
        (("decompress", "missing.isth", "OUT"), 1, "does not exist"),
        (("decompress", "FILE", "OUT.npy", "--rows", "a:b"), 2, "rows"),
        (("decompress", "FILE", "OUT.npy", "--rows", "5000:6000"), 1, "There are no samples"),
        (("decompress", "FILE", "OUT.npy", "--run", "nowhere"), 1, "nowhere"),
        (("decompress", "FILE", "OUT.odd"), 1, ".odd"),
        (("codec-info", "missing.isth"), 1, "does not exist"),
    ],
)
def test_wrong_use_ends_with_one_line_and_its_exit_code(isthmus, trained, squeezed, tmp_path, words, code, says):
    places = {"RUN": trained, "FILE": squeezed}
    given = [places.get(word, str(tmp_path / word) if str(word).startswith("OUT") else word) for word in words]
    said = isthmus(*given)
    assert said.code == code, said.out + said.err
    assert says in said.err
    assert "Traceback" not in said.err
    if code == 1:
        assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_damaged_or_foreign_file_is_one_line(isthmus, trained, squeezed, tmp_path):
    content = bytearray(squeezed.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.isth").write_bytes(content)
    (tmp_path / "b.isth").write_bytes(b"PNG" * 30)
    for path, says in ((tmp_path / "a.isth", "is damaged: block"), (tmp_path / "b.isth", "isn't a compressed file")):
        said = isthmus("decompress", path, tmp_path / "out.npy", "--run", trained)
        assert said.code == 1
        assert says in said.err
        assert said.err.count("\n") == 1
        assert not (tmp_path / "out.npy").exists()
