from pathlib import Path

import numpy as np
import pytest

from isthmus.data import open_data, read_samples, stream_samples
from isthmus.errors import DataError, Remark

av = pytest.importorskip("av")


def film(path: Path, codec: str = "mpeg4", kind: str = "yuv420p", frames: int = 12) -> Path:
    with av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, kind
        for number in range(frames):
            picture = np.full((16, 32, 3), 20 * (number % 12), np.uint8)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        made.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("name", "codec", "kind", "channels"),
    [
        *[(f"a{suffix}", "mpeg4", "yuv420p", 3) for suffix in (".mp4", ".mov", ".avi")],
        ("a.mkv", "ffv1", "gray", 1),
        ("a.mpg", "mpeg1video", "yuv420p", 3),
        ("a.webm", "libvpx", "yuv420p", 3),
    ],
)
def test_frames_of_a_video_are_samples(tmp_path, name, codec, kind, channels):
    path = film(tmp_path / name, codec, kind)
    with pytest.warns(Remark, match="12 frames are read, each as a sample"):
        samples = read_samples(path)
    assert samples.shape == (channels, 16, 32)
    assert np.abs(samples.tensor()[:, 0, 8, 8].numpy().astype(int) - 20 * np.arange(12)).max() <= 8
    some = read_samples(path, step=5, size=8, mode="L")
    assert some.names == (f"{name}@0", f"{name}@5", f"{name}@10")
    assert some.shape == (1, 8, 8)
    assert len(read_samples(path, frames="first")) == 1
    assert read_samples(path, frames="channels", mode="L").shape == (12, 16, 32)


def test_neighbouring_frames_stay_in_one_part(tmp_path):
    film(tmp_path / "a.mp4", frames=400)
    with pytest.warns(Remark, match="400 frames"):
        data = open_data(tmp_path / "a.mp4", size=4)
    numbers = [sorted(int(name.rpartition("@")[2]) for name in part.names) for part in data.parts.values()]
    assert all(len(some) >= 16 for some in numbers)
    for some in numbers:
        apart = np.flatnonzero(np.diff(some) > 1)
        assert all(size % 16 == 0 for size in np.diff(np.concatenate(([-1], apart))))


def test_a_video_is_read_in_pieces(tmp_path):
    film(tmp_path / "a.mp4", frames=20)
    stream = stream_samples(tmp_path / "a.mp4", rows=8)
    with pytest.warns(Remark, match="20 frames"):
        assert [len(piece) for piece in stream] == [8, 8, 4]


def test_a_play_list_opens_nothing_else(tmp_path):
    film(tmp_path / "b.mp4")
    (tmp_path / "a.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{tmp_path / 'b.mp4'}\n")
    with pytest.raises(DataError, match=r"a\.mp4 can't be read as a picture"):
        read_samples(tmp_path / "a.mp4")


def test_damage_and_size_are_one_line(tmp_path):
    film(tmp_path / "a.mp4")
    with pytest.raises(DataError, match="max_pixels=100"):
        read_samples(tmp_path / "a.mp4", max_pixels=100)
    with pytest.raises(DataError, match="max_bytes=5000"):
        read_samples(tmp_path / "a.mp4", max_bytes=5000)
    (tmp_path / "a.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:600])
    with pytest.raises(DataError, match=r"a\.mp4 can't be read as a picture") as caught:
        read_samples(tmp_path / "a.mp4")
    assert "\n" not in str(caught.value)
