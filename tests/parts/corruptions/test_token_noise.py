"""Token noise: drops, swaps and replacements."""

import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.parts import DataSpec, TokenNoise

TEXT = torch.tensor([[2.0, 3, 4, 5, 6, 0, 0]])
NONE = {"drop": 0.0, "swap": 0.0, "replace_by_any": 0.0, "tokens": 9}


def noised(times=2000, **shares):
    noise = TokenNoise(**NONE | shares)
    many = TEXT.expand(times, -1)
    return noise(many, noise.draw(times, (7,), torch.Generator().manual_seed(0)))


def test_without_any_share_texts_stay_as_they_are():
    assert torch.equal(noised(), TEXT.expand(2000, -1))


def test_dropped_tokens_close_up_and_the_end_stays_an_end():
    made = noised(drop=0.3)
    lengths = (made == 0).int().argmax(1)
    assert float(lengths.double().mean()) == pytest.approx(5 * 0.7, abs=0.15)
    for row in made.tolist():
        kept = row[: row.index(0)]
        assert kept == [token for token in TEXT[0].tolist() if token in kept]
        assert not any(row[len(kept) :])


def test_swapped_tokens_change_places_with_a_neighbour_and_none_is_lost():
    made = noised(swap=0.2)
    assert bool((made.sort(1).values == TEXT.sort(1).values).all())
    moved = (made != TEXT).any(1).double().mean()
    assert 0.4 < float(moved) < 0.9
    assert bool((made[:, 5:] == 0).all())


def test_replaced_tokens_are_any_symbol_as_often_as_asked():
    made = noised(replace_by_any=0.25)
    changed = (made[:, :5] != TEXT[:, :5]).double().mean()
    assert float(changed) == pytest.approx(0.25 * 6 / 7, abs=0.02)  # one in seven is the same again
    assert int(made[:, :5].min()) >= 2
    assert int(made.max()) < 9


def test_a_pass_without_draws_is_clean():
    assert torch.equal(TokenNoise(**NONE)(TEXT), TEXT)


def test_it_is_for_tokens_alone():
    assert TokenNoise().resolve(DataSpec(tokens=5)).tokens == 5
    with pytest.raises(BlueprintError, match="is for tokens"):
        TokenNoise().resolve(DataSpec())
