from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data import open_data, read_samples
from isthmus.errors import DataError, Remark

pydicom = pytest.importorskip("pydicom")
GENERATOR = np.random.default_rng(0)


def save(path: Path, values: np.ndarray, kind: str = "MONOCHROME2", frames: int = 0, **tags: Any) -> None:
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[path.name])
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    made = pydicom.dataset.FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    shape = values.shape[1:] if frames else values.shape
    made.Rows, made.Columns = shape[:2]
    made.SamplesPerPixel, made.PhotometricInterpretation = (3 if len(shape) == 3 else 1), kind
    if len(shape) == 3:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = values.dtype.itemsize * 8
    made.PixelRepresentation = int(values.dtype.kind == "i")
    made.PixelData = values.tobytes()
    if frames:
        made.NumberOfFrames = frames
    for name, value in tags.items():
        setattr(made, name, value)
    made.HighBit = made.BitsStored - 1
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)


def test_values_are_in_the_units_of_the_modality(tmp_path):
    values = GENERATOR.integers(0, 4096, (6, 8)).astype(np.uint16)
    save(tmp_path / "ct.dcm", values, BitsStored=12, RescaleSlope=2, RescaleIntercept=-1024)
    found = read_samples(tmp_path / "ct.dcm")
    assert np.array_equal(found.tensor()[0, 0].numpy(), values * 2.0 - 1024)


def test_where_much_is_black_it_becomes_white(tmp_path):
    save(tmp_path / "a.dcm", np.array([[0, 100], [4095, 7]], np.uint16), "MONOCHROME1", BitsStored=12)
    assert read_samples(tmp_path / "a.dcm").tensor()[0, 0].tolist() == [[4095, 3995], [0, 4088]]


def test_frames_and_colours_are_read(tmp_path):
    save(tmp_path / "us.dcm", GENERATOR.integers(0, 256, (6, 8, 3)).astype(np.uint8), "RGB")
    assert read_samples(tmp_path / "us.dcm").shape == (3, 6, 8)
    frames = GENERATOR.integers(0, 256, (5, 6, 8)).astype(np.uint8)
    save(tmp_path / "cine.dcm", frames, frames=5)
    with pytest.warns(Remark, match="5 frames"):
        assert np.array_equal(read_samples(tmp_path / "cine.dcm").tensor()[:, 0].numpy(), frames)
    assert read_samples(tmp_path / "cine.dcm", frames="channels").shape == (5, 6, 8)


def test_pictures_of_one_patient_stay_in_one_part(tmp_path):
    for number in range(40):
        values = np.full((4, 4), number, np.uint8)
        save(tmp_path / "set" / f"{number:02d}.dcm", values, PatientID=f"patient {number % 8}")
    data = open_data(tmp_path / "set", test=0.25)
    found = [{int(name[:2]) % 8 for name in part.names} for part in data.parts.values()]
    assert all(found)
    assert sum(map(len, found)) == len(set.union(*found)) == 8


def test_files_without_a_suffix_are_read(tmp_path):
    for number in range(4):
        save(tmp_path / "set" / f"IM{number}", np.full((4, 4), number, np.uint8))
        save(tmp_path / "uids" / f"1.2.840.{number}", np.full((4, 4), number, np.uint8))
    assert len(read_samples(tmp_path / "set")) == 4
    assert len(read_samples(tmp_path / "uids")) == 4


def test_damage_and_size_are_one_line(tmp_path):
    save(tmp_path / "a.dcm", np.zeros((60, 80), np.uint8))
    limits: list[Any] = [{"max_pixels": 100}, {"max_bytes": 100}]
    for limit in limits:
        with pytest.raises(DataError, match=next(iter(limit))):
            read_samples(tmp_path / "a.dcm", **limit)
    content = (tmp_path / "a.dcm").read_bytes()
    for damaged in (content[:-1000], content[:300], b"words"):
        (tmp_path / "a.dcm").write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.dcm can't be read as a picture") as caught:
            read_samples(tmp_path / "a.dcm")
        assert "\n" not in str(caught.value)
