"""What a use is given: one sample, however it is named."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import isthmus as ist
from isthmus.errors import DataError, UseError
from isthmus.uses.arguments import one_sample, with_label


@pytest.mark.parametrize("given", [7, "7", "test:7"])
def test_a_number_is_one_of_the_test_part(vae, given):
    samples, name = one_sample(vae, given)
    assert torch.equal(samples.tensor(), vae.data.test.tensor()[[7]])
    assert name == "test:7"


@pytest.mark.parametrize(
    "use",
    [
        ist.sample,
        ist.judge,
        ist.traverse,
        ist.map_codes,
        ist.detect,
        ist.detector,
        ist.restore,
        ist.restoration,
        ist.restore_files,
        ist.blend,
        ist.diagnose,
    ],
)
def test_every_use_says_what_to_do_where_it_is_given_no_run(use, vae):
    rest = [1, 2][: 2 * (use in (ist.restore_files, ist.blend)) or 1 * (use in (ist.detect, ist.restore))]
    for path in ("runs/digits", Path("runs/digits")):
        with pytest.raises(UseError, match=r"is a path: expected a run. Load it: ist.load\('runs/digits'\)"):
            use(path, *rest)
    with pytest.raises(UseError, match=r"type Autoencoder: expected a run, from ist.fit or ist.load"):
        use(vae.model, *rest)


def test_a_run_may_be_given_by_name(vae):
    assert len(ist.sample(run=vae, count=3).values) == 3


def test_other_parts_are_named(vae):
    assert torch.equal(one_sample(vae, "train:3")[0].tensor(), vae.data.train.tensor()[[3]])
    assert one_sample(vae, "validation:0")[1] == "validation:0"


def test_a_picture_file_an_array_and_a_place_in_a_file_are_one_sample(vae, tmp_path):
    digit = vae.data.test.tensor()[5].numpy()
    Image.fromarray(digit[0]).save(tmp_path / "five.png")
    np.save(tmp_path / "many.npy", vae.data.test.tensor().numpy())
    for given in (str(tmp_path / "five.png"), digit, digit[0], digit[None], f"{tmp_path / 'many.npy'}:5"):
        assert one_sample(vae, given)[0].tensor().numpy().tolist() == digit[None].tolist()


def test_a_number_that_is_not_there_is_told_with_those_that_are(vae):
    with pytest.raises(DataError, match=r"no sample 9000 in the test part: it has 180 \(0 to 179\)"):
        one_sample(vae, 9000)


def test_several_samples_where_one_is_wanted_are_refused(vae):
    with pytest.raises(DataError, match=r"digits has 1797 samples: expected one\. Choose one.*digits:0"):
        one_sample(vae, "digits")
    with pytest.raises(DataError, match="The given sample has 180 samples: expected one"):
        one_sample(vae, vae.data.test)


def test_a_label_is_put_on_samples_only_for_a_model_that_is_told_labels(vae, barely):
    samples = vae.data.test.take([0, 1])
    assert with_label(vae, samples, "3") is samples
    told = barely("cvae", ist.open_data("digits"), code=2)
    labels = with_label(told, samples, "3").labels
    assert labels is not None
    assert labels.tolist() == [3, 3]
    with pytest.raises(DataError, match="has no label 'q'"):
        with_label(told, samples, "q")


def test_a_mistyped_part_is_told_which_is_meant(vae):
    with pytest.raises(DataError, match=r"'tset' is neither a part of .* Did you mean 'test:3'\?"):
        one_sample(vae, "tset:3")
