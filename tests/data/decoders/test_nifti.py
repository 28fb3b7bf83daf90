from typing import Any

import numpy as np
import pytest

from isthmus.data import read_samples
from isthmus.errors import DataError, Remark

nibabel = pytest.importorskip("nibabel")
VOLUME = np.random.default_rng(0).integers(-1000, 2000, (10, 12, 6)).astype(np.int16)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
def test_slices_are_samples_and_a_volume_may_be_one(tmp_path, name, kind):
    getattr(nibabel, kind)(VOLUME, np.eye(4)).to_filename(tmp_path / name)
    with pytest.warns(Remark, match="6 frames are read"):
        samples = read_samples(tmp_path / name)
    assert samples.names[2] == f"{name}@2"
    assert np.array_equal(samples.tensor()[2, 0].numpy(), VOLUME[:, :, 2].T)
    whole = read_samples(tmp_path / name, frames="channels")
    assert np.array_equal(whole.tensor()[0].numpy(), VOLUME.T)


def test_values_are_scaled_and_further_axes_are_frames(tmp_path):
    image = nibabel.Nifti1Image(VOLUME[..., None].repeat(2, 3), np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    image.to_filename(tmp_path / "a.nii")
    with pytest.warns(Remark, match="12 frames"):
        found = read_samples(tmp_path / "a.nii").tensor()[:, 0].numpy()
    assert np.allclose(found[7], VOLUME[:, :, 1].T * 0.5 + 10)


def test_damage_and_size_are_one_line(tmp_path):
    nibabel.Nifti1Image(VOLUME, np.eye(4)).to_filename(tmp_path / "a.nii.gz")
    limits: list[Any] = [{"max_pixels": 100}, {"max_bytes": 1000}]
    for limit in limits:
        with pytest.raises(DataError, match=next(iter(limit))):
            read_samples(tmp_path / "a.nii.gz", **limit)
    content = (tmp_path / "a.nii.gz").read_bytes()
    for damaged in (content[:500], content[:20], b"words"):
        (tmp_path / "a.nii.gz").write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.nii\.gz can't be read as a picture") as caught:
            read_samples(tmp_path / "a.nii.gz")
        assert "\n" not in str(caught.value)
