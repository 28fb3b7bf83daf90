"""Decoders of tokens: teacher forcing, generation with kept states, and the choice of tokens."""

import pytest
import torch

import isthmus as ist
from isthmus.parts import Gru, Tokens, Transformer
from isthmus.parts.distances.tokens import counted
from isthmus.parts.networks.autoregressive import Autoregressive
from isthmus.parts.networks.generating import Choice, generating
from vocabularies import TOKENS, rows, with_tokens

NETWORKS = {
    "gru": Gru(widths=(9, 8), embedding=5),
    "transformer": Transformer(width=8, depth=2, heads=2),
    "transformer map": Transformer(width=8, depth=2, heads=2),
}


def model_of(name, *, length=10, **more):
    size = None if name.endswith("map") else 3
    blueprint = ist.Blueprint(
        network=NETWORKS[name].replace(**more), code=ist.parts.Plain(size=size), distance=Tokens()
    )
    return with_tokens(blueprint).build((length,), seed=1, remarks=False).double()


def decoder_of(model) -> Autoregressive:
    decoder = generating(model.decoder)
    assert isinstance(decoder, Autoregressive)
    return decoder


@pytest.mark.parametrize("name", NETWORKS)
def test_no_token_depends_on_itself_or_on_later_ones(name):
    model, given = model_of(name), rows(2, 10).clamp(min=1)
    decoder, z = decoder_of(model), model.encode(given).double()
    changed = given.clone()
    changed[:, 6:] = changed[:, 6:] % (TOKENS - 1) + 1
    one, other = decoder(z, None, given), decoder(z, None, changed)
    torch.testing.assert_close(one[..., :7], other[..., :7])
    assert not torch.allclose(one[..., 7:], other[..., 7:])


@pytest.mark.parametrize("name", NETWORKS)
def test_generating_step_by_step_equals_the_whole_pass_over_what_was_generated(name):
    model = model_of(name)
    decoder, z = decoder_of(model), 3 * model.encode(rows(4, 10)).double()
    decoder.head.weight.data.mul_(9)  # so that it writes more than ends
    for choice in (None, Choice(torch.rand(4, 10))):
        tokens, logits = decoder.generate(z, choice)
        there = counted(tokens)[:, None].expand_as(logits)
        torch.testing.assert_close(decoder(z, None, tokens)[there], logits[there])
        assert bool((tokens[~counted(tokens)] == 0).all())
    assert torch.equal(decoder(z).argmax(1), decoder.generate(z)[0])


def test_tokens_are_drawn_as_often_as_they_are_likely():
    decoder = decoder_of(model_of("gru", length=1))
    z, noise = torch.zeros(20_000, 3, dtype=torch.float64), torch.rand(20_000, 1)
    tokens, logits = decoder.generate(z, Choice(noise, temperature=0.7))
    shares = (logits[0, :, 0] / 0.7).softmax(0)
    found = torch.bincount(tokens[:, 0], minlength=TOKENS) / len(tokens)
    torch.testing.assert_close(found.double(), shares, atol=0.015, rtol=0)


def test_top_p_leaves_only_the_likely_tokens():
    decoder = decoder_of(model_of("gru", length=1))
    decoder.head.weight.data.mul_(20)
    z = torch.zeros(500, 3, dtype=torch.float64)
    shares = decoder(z[:1]).softmax(1)[0, :, 0]
    order = shares.sort(descending=True)
    kept = set(order.indices[: int((order.values.cumsum(0) < 0.6).sum()) + 1].tolist())
    tokens, _ = decoder.generate(z, Choice(torch.rand(500, 1), top_p=0.6))
    assert set(tokens[:, 0].tolist()) == kept


def test_dropped_words_are_unknown_to_the_decoder():
    model = model_of("gru", word_dropout=0.5)
    decoder, z, given = decoder_of(model), model.encode(rows(2, 10)).double(), rows(2, 10)
    mask = decoder.draw(2, torch.Generator().manual_seed(0))
    assert mask is not None
    assert 0 < int(mask.sum()) < mask.numel()
    unknown = torch.where(mask, 1.0, given)
    there = counted(given)
    made = [each.transpose(1, 2)[there] for each in (decoder(z, mask, given), decoder(z, None, unknown))]
    torch.testing.assert_close(*made)
    assert model_of("gru").draw(2, torch.Generator()).get("decoder") is None


def test_several_draws_of_a_code_share_the_target():
    decoder, given = decoder_of(model_of("gru")), rows(2, 10)
    z = torch.randn(6, 3, dtype=torch.float64)
    torch.testing.assert_close(decoder(z, None, given), decoder(z, None, given.repeat(3, 1)))


def test_a_model_of_tokens_decodes_by_itself_and_learns_with_the_target():
    model, given = model_of("gru").float(), rows(5, 10)
    out = model(given)
    assert out.output.shape == (5, TOKENS, 10)
    assert model.decode(model.encode(given)).shape == (5, 10)
    loss, _ = model.loss(out)
    loss.backward()
    assert all(weight.grad is not None for weight in model.parameters())
