"""The conductor: what is generated agrees with teacher forcing, and segments depend on the code alone."""

import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Conductor, Plain
from isthmus.parts.networks.conductor import ConductedTokens


def decoder(length: int = 10, segment: int = 4, widths=(6, 5)) -> ConductedTokens:
    generator = torch.Generator().manual_seed(0)
    return ConductedTokens(3, (7, length), 4, widths, generator, segment=segment)


@pytest.mark.parametrize("length", [8, 10, 3])
def test_generated_tokens_have_the_logits_of_teacher_forcing(length):
    made = decoder(length)
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    tokens, logits = made.generate(z)
    forced = made(z, None, tokens)
    there = (tokens != 0).cumprod(1).bool()  # up to the end
    torch.testing.assert_close(logits.transpose(1, 2)[there], forced.transpose(1, 2)[there])


def test_a_segment_sees_the_others_only_through_the_code():
    made = decoder(8)
    z = torch.randn(1, 3, generator=torch.Generator().manual_seed(1))
    tokens = torch.randint(1, 7, (1, 8), generator=torch.Generator().manual_seed(2))
    changed = tokens.clone()
    changed[:, :3] = 1 + tokens[:, :3] % 6
    first, second = made(z, None, tokens), made(z, None, changed)
    assert not torch.equal(first[..., :4], second[..., :4])
    torch.testing.assert_close(first[..., 4:], second[..., 4:])


def test_a_conductor_needs_tokens():
    with pytest.raises(BlueprintError, match="A conductor network needs tokens"):
        Blueprint(network=Conductor(), code=Plain(size=2)).build((1, 8), remarks=False)
