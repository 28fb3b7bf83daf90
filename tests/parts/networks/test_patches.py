"""The transformer over patches: the encoder depends on the patches that it sees, and on no others."""

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Patches, PatchMasking


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def model():
    blueprint = ist.recipe("mae", width=16, depth=2, decoder_width=8, decoder_depth=1)
    return blueprint.build((2, 8, 12), remarks=False, seed=2).double().eval()


def pictures(count=4):
    return torch.rand(count, 2, 8, 12, generator=generator(), dtype=torch.float64)


def test_hidden_patches_change_nothing_and_are_what_is_predicted(model):
    clean, hidden = pictures(), PatchMasking().draw(4, (2, 8, 12), generator(1))
    other = torch.where(hidden, 1 - clean, clean)
    out, again = (model(x, {"corruption": hidden}) for x in (clean, other))
    assert torch.equal(out.code.z, again.code.z)
    assert torch.equal(out.reconstruction[~hidden], out.clean[~hidden])
    assert torch.equal(out.output, again.output.where(hidden, out.output))
    distance = model.objective.distances(out)
    torch.testing.assert_close(distance, (out.output - out.clean).square().where(hidden, 0).flatten(1).mean(1))


def test_the_blocks_get_visible_patches_alone(model):
    seen = []
    hook = model.encoder.tokens.blocks[0].register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    model(pictures(), {"corruption": PatchMasking().draw(4, (2, 8, 12), generator())})
    hook.remove()
    assert [tuple(shape) for shape in seen] == [(4, 6, 16)], "a quarter of 24 patches"


def test_pictures_with_unequal_numbers_of_visible_patches_are_as_each_by_itself(model):
    masks = torch.cat([PatchMasking(share=share).draw(1, (2, 8, 12), generator()) for share in (0.2, 0.5, 0.9)])
    together = model(pictures(3), {"corruption": masks}).code.z
    alone = [model(pictures(3)[i : i + 1], {"corruption": masks[i : i + 1]}).code.z for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_one_learnt_vector_stands_for_each_hidden_patch(model):
    masks = PatchMasking().draw(4, (2, 8, 12), generator())
    z = model(pictures(), {"corruption": masks}).code.z
    hidden = masks[:, 0, ::2, ::2]
    assert torch.equal(z.movedim(1, -1)[hidden], model.encoder.tokens.unseen.expand(int(hidden.sum()), -1))


def test_it_learns_to_fill_in_digits():
    data = ist.open_data("digits")
    model = ist.recipe("mae", width=16, depth=1, decoder_width=16, decoder_depth=1).build(data)
    run = ist.fit(model, data, epochs=4, progress=False, learning_rate=3e-3)
    test = run.evaluate()["test"]["mse"]
    assert test["model"] < 0.8 * test["mean"] < test["nothing"]


@pytest.mark.parametrize(
    ("options", "shape", "words"),
    [
        ({}, (12,), "needs pictures"),
        ({"heads": 3}, (1, 8, 8), "width=64 can't be divided among 3 heads"),
        ({"code": (5, 2, 2)}, (1, 8, 8), "makes codes of 4×4 positions"),
        ({"patch": 5}, (1, 8, 8), "can't be divided into patches of 5"),
    ],
)
def test_what_does_not_fit_is_refused(options, shape, words):
    with pytest.raises(BlueprintError, match=words):
        ist.recipe("vanilla", network="patches", **options).build(shape)


def test_labels_and_plain_pictures_are_taken_too():
    model = ist.Blueprint(network=Patches(width=8, depth=1), condition="labels", classes=3).build(
        (1, 8, 8), remarks=False
    )
    out = model(torch.rand(2, 1, 8, 8), labels=torch.tensor([0, 2]))
    assert out.reconstruction.shape == (2, 1, 8, 8)
