"""What networks share: the start of the output, and a custom network."""

import pytest
import torch
from torch import Tensor, nn

from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.parts import L1, Bce, Conv, Dense, Gaussian, Mse, Network, Plain
from isthmus.parts.layers import Chain, initialise


def bias_of(model: Autoencoder) -> Tensor:
    """Of the decoder's last product."""
    bias = model.decoder.get_submodule("output").bias
    assert isinstance(bias, Tensor)
    return bias


class FewBytes:
    """Data as `Blueprint.build` reads them: bytes, dark on the left and bright on the right."""

    shape = (2, 6, 5)
    scaling = Scaling("bytes", 0.0, 255.0, (0.0, 1.0))

    def __init__(self, count: int = 300) -> None:
        generator = torch.Generator().manual_seed(0)
        tops = torch.tensor([20, 60, 100, 180, 256]).expand(2, 6, 5) - torch.tensor([0, 10])[:, None, None]
        self.train = Samples(
            values=(torch.rand(count, *self.shape, generator=generator) * tops).byte(), kind="pictures"
        )


@pytest.mark.parametrize("distance", [Mse(), Bce(), Gaussian(), L1(), Mse(link="identity")], ids=str)
@pytest.mark.parametrize("tied", [False, True])
def test_a_dense_output_starts_at_the_mean_sample(distance, tied):
    data = FewBytes()
    model = Blueprint(network=Dense(tied=tied), code=Plain(size=3), distance=distance).build(data)
    mean = data.scaling(torch.as_tensor(data.train.values)).mean(0)
    with torch.no_grad():
        start = (
            model(torch.as_tensor(data.train.values[:7])).reconstruction
            if not tied
            else model.distance.picture(model.decoder(torch.zeros(1, 3)))
        )
    assert torch.allclose(start, mean.expand_as(start), atol=1e-4)


@pytest.mark.parametrize("form", ["pooled", "strided"])
def test_a_convolutions_output_starts_at_the_mean_of_each_channel(form):
    data = FewBytes()
    model = Blueprint(network=Conv(form=form)).build(data)
    mean = data.scaling(torch.as_tensor(data.train.values)).mean((0, 2, 3))
    start = model(torch.as_tensor(data.train.values[:7])).reconstruction
    assert torch.allclose(start, mean[:, None, None].expand_as(start), atol=1e-4)


def test_pixels_that_are_always_black_start_where_a_sigmoid_still_has_a_slope():
    data = FewBytes()
    data.train = Samples(values=torch.zeros(10, *data.shape, dtype=torch.uint8), kind="pictures")
    model = Blueprint(network=Dense(), code=Plain(size=3)).build(data)
    assert torch.allclose(torch.sigmoid(bias_of(model)), torch.tensor(0.01), atol=1e-6)


def test_a_bare_shape_starts_at_zero():
    assert not bias_of(Blueprint(network=Conv()).build((1, 28, 28))).any()


def test_the_mean_of_much_data_is_taken_from_samples_all_over_it():
    data = FewBytes(count=5000)
    values = torch.as_tensor(data.train.values)
    data.train = Samples(values=torch.cat([values[:2500], 255 - values[2500:]]), kind="pictures")
    model = Blueprint(network=Dense(), code=Plain(size=3), distance=Mse(link="identity")).build(data)
    mean = data.scaling(torch.as_tensor(data.train.values)).mean(0).flatten()
    assert torch.allclose(bias_of(model), mean, atol=0.03)


def test_data_that_are_not_finite_leave_the_start_at_zero():
    class Table:
        shape, scaling = (4,), Scaling()
        train = Samples(values=torch.full((5, 4), float("nan")))

    model = Blueprint(network=Dense(), code=Plain(size=3)).build(Table())
    assert not bias_of(model).any()


class Bare(Network):
    """A custom network, whose layers have names of their own."""

    def encoder(self, shape, features, generator):
        layer = nn.Linear(shape[0], features[0])
        initialise(layer, "identity", generator)
        return Chain({"in": layer})

    def decoder(self, code, shape, generator):
        layer = nn.Linear(code[0], shape[0])
        initialise(layer, "identity", generator)
        return Chain({"out": layer})


def test_a_network_of_ones_own_needs_an_encoder_and_a_decoder_alone():
    class Table:
        shape, scaling = (4,), Scaling()
        train = Samples(values=torch.ones(5, 4))

    blueprint = Blueprint(network=Bare(), code=Plain(size=2))
    assert Blueprint.from_json(blueprint.to_json()) == blueprint
    model = blueprint.build(Table())
    assert list(model(torch.ones(3, 4)).layers) == ["encoder.in", "decoder.out"]


def test_the_base_alone_has_no_layers():
    for build in (Network.encoder, Network.decoder):
        with pytest.raises(NotImplementedError):
            build(Bare(), (1,), (1,), torch.Generator())
