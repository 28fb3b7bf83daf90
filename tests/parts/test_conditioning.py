"""What goes beside the input: labels as one-hot numbers or planes, and the mask of what is known."""

import pytest
import torch

from isthmus.parts import Conditioning


@pytest.mark.parametrize(
    "conditioning",
    [
        Conditioning(),
        Conditioning(classes=3),
        Conditioning(mask=True),
        Conditioning(4, mask=True),
        Conditioning(2, True, True),
    ],
)
@pytest.mark.parametrize("seen", [(6,), (2, 5), (1, 4, 3)], ids=str)
def test_shapes_are_as_they_are_said(conditioning, seen):
    x, labels = torch.rand(5, *seen), torch.zeros(5, dtype=torch.int64)
    assert conditioning.to_encoder(x, torch.ones(5, *seen, dtype=torch.bool), labels).shape[
        1:
    ] == conditioning.encoder_shape(seen)
    assert conditioning.to_decoder(x, labels).shape[1:] == conditioning.decoder_shape(seen)


def test_nothing_beside_leaves_the_input_as_it_is():
    x = torch.rand(2, 3)
    assert Conditioning().to_encoder(x, None, None) is x
    assert Conditioning().to_decoder(x, torch.tensor([0, 1])) is x


def test_a_label_is_as_large_as_a_codes_numbers():
    for classes in (2, 10):
        hot = Conditioning(classes=classes).to_decoder(torch.zeros(classes, 3), torch.arange(classes))[:, 3:]
        assert float(hot.square().mean()) == pytest.approx(1)
        assert torch.equal(hot.argmax(1), torch.arange(classes))


def test_a_label_is_a_plane_of_one_value_for_pictures():
    x = torch.rand(2, 1, 4, 3)
    planes = Conditioning(classes=3).to_encoder(x, None, torch.tensor([2, 0]))
    assert torch.equal(planes[:, :1], x)
    assert torch.equal(planes[:, 1:, 1, 2], 3**0.5 * torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    assert torch.equal(planes[:, 1:], planes[:, 1:, :1, :1].expand(-1, -1, 4, 3))


def test_draws_of_a_code_share_their_samples_labels():
    z = torch.rand(6, 2)
    given = Conditioning(classes=2).to_decoder(z, torch.tensor([1, 0, 1]))
    assert torch.equal(given[:, 2:].argmax(1), torch.tensor([1, 0, 1, 1, 0, 1]))


def test_without_a_mask_all_is_known():
    x = torch.rand(2, 4)
    assert torch.equal(Conditioning(mask=True).to_encoder(x, None, None), torch.cat([x, torch.ones(2, 4)], 1))
