"""What comes with a batch beside its samples."""

import numpy as np
import torch

import isthmus as ist
from isthmus.measures.passes import passes
from isthmus.model.batch import inputs_of
from isthmus.model.shape_checks import max_width


def test_labels_come_where_the_model_has_a_condition_and_only_there():
    data = ist.open_data("digits")
    conditional, plain = (ist.recipe(name).build(data, remarks=False) for name in ("cvae", "vae"))
    rows = torch.tensor([5, 2, 9])
    assert data.train.labels is not None
    found = inputs_of(conditional, data.train, rows).labels
    assert found is not None
    assert found.tolist() == data.train.labels[rows].tolist()
    assert inputs_of(plain, data.train, rows).labels is None


def test_damaged_samples_of_pairs_come_scaled_and_are_left_out_where_whole_ones_are_wanted():
    generator = np.random.default_rng(0)
    clean = generator.integers(0, 256, (40, 1, 8, 8)).astype(np.uint8)
    data = ist.open_data(clean, damaged=(clean // 2), kind="pictures")
    model = ist.recipe("denoise", corruption="pairs", channels=(4, 4, 4)).build(data, remarks=False)
    assert data.train.damaged is not None
    given = model.scaling(data.train.damaged)
    found = inputs_of(model, data.train, torch.arange(4, 8))
    assert found.damaged is not None
    assert torch.equal(model(*found).corrupted, given[4:8])
    with torch.no_grad():
        damaged = torch.cat([seen.corrupted for seen in passes(model.eval(), data.train, 16, damage=True)])
        whole = torch.cat([seen.corrupted for seen in passes(model, data.train, 16, damage=False)])
    assert torch.equal(damaged, given)
    assert torch.equal(whole, model.scaling(data.train.tensor()))


def test_the_widest_place_is_the_sample_itself_or_a_layer():
    pictures, rows = np.zeros((20, 28, 28), np.uint8), np.random.default_rng(0).normal(size=(20, 30))

    def found(data, recipe="deep", **options):
        return max_width(ist.recipe(recipe, **options).build(ist.open_data(data), remarks=False))

    assert found(rows) == 4 * 30, "layers of a narrow table are narrow"
    assert found(pictures) == 784
    assert found(pictures, widths=(2048, 32)) == 2048
    assert found(pictures, "conv", channels=(16, 8)) == 16 * 28 * 28
    assert found(pictures, "upscale", channels=(4, 4)) >= 784
