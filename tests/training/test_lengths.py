"""Batches of tokens are cut to their longest sample."""

import pytest
import torch

import isthmus as ist
from isthmus.errors import DataError
from isthmus.model.batch import Inputs
from isthmus.parts import Conductor, GaussianCode, Gru, Kl, Network, Plain, TokenNoise, Tokens, Transformer
from isthmus.training.lengths import STEP, lengths_of
from isthmus.training.loop import Training
from isthmus.training.settings import Settings
from isthmus.training.steps import worth_compiling


def texts(count: int = 60, longest: int = 30) -> "ist.Data":
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, longest, (count,), generator=generator).tolist()
    words = ["".join("abcde"[(place * place + row) % 5] for place in range(each)) for row, each in enumerate(lengths)]
    return ist.open_data(words, kind="text", validation=0.2, test=0)


NETWORKS: list[Network] = [Gru(widths=(8, 6), embedding=5, word_dropout=0.3, dropout=0.2)]
NETWORKS += [Transformer(width=8, heads=2, depth=1, word_dropout=0.3)]
NETWORKS += [Conductor(widths=(8,), embedding=5, segment=4, word_dropout=0.3)]


def build(data, network, **parts):
    parts = {"code": GaussianCode(size=3), "penalties": (Kl(),), "distance": Tokens()} | parts
    return ist.Blueprint(network=network, **parts).build(data, remarks=False)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("corruption", [None, TokenNoise(drop=0.2, swap=0.2, replace_by_any=0.2)])
def test_loss_and_gradients_are_those_of_the_whole_batch(network, corruption):
    data = texts()
    model = build(data, network, corruption=corruption)
    assert model.cuttable
    lengths = lengths_of(data.train)
    rows = (lengths <= 2 * STEP).nonzero()[:, 0]
    draws = model.draw(len(rows), torch.Generator().manual_seed(1))
    whole = Inputs(data.train.batch(rows), draws)
    made = [model.loss(model(*inputs))[0] for inputs in (whole, whole.cut(2 * STEP))]
    torch.testing.assert_close(made[0], made[1])
    weights = list(model.parameters())
    gradients = [torch.autograd.grad(loss, weights, materialize_grads=True) for loss in made]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


def test_only_models_whose_results_do_not_change_take_cut_samples():
    data = texts()
    mapped = ist.Blueprint(network=Transformer(width=8, heads=2, depth=1), code=Plain(), distance=Tokens())
    model = mapped.build(data, remarks=False)
    assert not model.cuttable
    with pytest.raises(DataError, match="expects"):
        model(data.train.tensor()[:, :STEP])


def test_lengths_count_the_end_and_are_rounded_up():
    data = texts()
    lengths = lengths_of(data.train)
    tokens = (data.train.tensor() != 0).sum(1) + 1
    assert bool((lengths >= tokens.clamp(max=data.train.shape[0])).all())
    assert bool((lengths - tokens < STEP).all())
    assert int(lengths.max()) <= data.train.shape[0]


def test_training_cuts_batches_on_a_cpu_unless_the_step_is_compiled():
    data = texts(200)
    model = build(data, NETWORKS[0])
    seen: list[int] = []
    handle = model.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    settings = Settings(epochs=1, batch_size=2, learning_rate=1e-3, device="cpu", compile=False)
    Training(model, data.train, None, settings).run()
    handle.remove()
    assert min(seen) < max(seen) <= data.train.shape[0]
    assert Training(model, data.train, None, settings.replace(compile=True))._lengths is None


def test_an_epochs_order_is_the_same_again_and_another_in_the_next_epoch():
    data = texts(200)
    settings = Settings(epochs=2, batch_size=8, learning_rate=1e-3, device="cpu", compile=False)
    one, again = (Training(build(data, NETWORKS[0]), data.train, None, settings) for _ in range(2))
    assert torch.equal(one.order()[:], again.order()[:])
    again.state.epoch = 1
    assert not torch.equal(one.order()[:], again.order()[:])


@pytest.mark.parametrize("network", NETWORKS)
def test_steps_of_batches_that_are_cut_are_not_compiled(network):
    settings = Settings(epochs=1_000_000, batch_size=8)
    assert not worth_compiling(build(texts(), network), settings, 1_000_000, torch.device("cpu"))
