"""Parts as values: JSON there and back, and mistakes said in a person's words."""

import copy
import json
import pickle
from typing import Annotated, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import (
    L1,
    ActivationL1,
    Bce,
    CodeKind,
    Conv,
    Corruption,
    Custom,
    Dense,
    Distance,
    Gaussian,
    Masking,
    Mse,
    Network,
    Part,
    Penalty,
    Plain,
    Sse,
    TopK,
    Value,
)
from isthmus.parts.layers import ACTIVATIONS

widths = st.lists(st.integers(1, 5000), max_size=4).map(tuple)
activations = st.sampled_from(list(ACTIVATIONS))
normalisations = st.sampled_from([None, "batch", "layer"])
rates = st.floats(0, 1, exclude_max=True)
links = st.sampled_from(["auto", "identity", "sigmoid"])
weights = st.floats(0, 1e6)
DEFAULTS = [
    kind()
    for family in (Network, CodeKind, Distance, Penalty, Corruption)
    for kind in family.kinds().values()
    if kind.__module__.startswith("isthmus") and not issubclass(kind, Custom)  # whose function has no JSON
]
parts = st.one_of(
    st.sampled_from(DEFAULTS),
    st.builds(
        Dense, widths=widths, activation=activations, normalisation=normalisations, dropout=rates, tied=st.booleans()
    ),
    st.builds(
        Conv,
        channels=widths,
        kernel=st.sampled_from([1, 3, 5, 7]),
        form=st.sampled_from(["pooled", "strided"]),
        activation=activations,
        normalisation=normalisations,
        dropout=rates,
    ),
    st.builds(Plain, size=st.none() | st.integers(1, 9999) | widths, activation=activations),
    st.builds(Mse, link=links) | st.builds(Sse, link=links) | st.builds(L1, link=links) | st.builds(Bce),
    st.builds(Gaussian, link=links, scale=st.floats(1e-6, 1e6)),
    st.builds(ActivationL1, weight=weights, warmup=weights, layer=st.none() | st.text()),
)


@given(parts)
def test_every_part_comes_back_from_json(part):
    text = json.dumps(part.to_json(), allow_nan=False)
    family = type(part).__mro__[1]
    assert family.from_json(json.loads(text)) == part
    assert type(part).from_json(json.loads(text)) == part


@given(parts)
def test_parts_are_values(part):
    same = part.replace()
    assert same == part
    assert hash(same) == hash(part)
    assert copy.deepcopy(part) == part == pickle.loads(pickle.dumps(part))


def test_every_kind_of_our_own_is_tried_above_by_its_defaults():
    assert {Dense, Plain, Mse, ActivationL1, TopK, Masking} <= {type(part) for part in DEFAULTS}


def test_kinds_are_called_by_their_class():
    assert [part.kind for part in (Dense, Bce, L1, ActivationL1)] == ["dense", "bce", "l1", "activation-l1"]


def test_a_part_cannot_be_changed():
    part = Dense(widths=(3,))
    with pytest.raises(ValueError, match="frozen"):
        part.widths = (4,)  # pyright: ignore[reportAttributeAccessIssue]
    assert part.replace(widths=[4]) == Dense(widths=(4,))
    assert part == Dense(widths=(3,))


def test_a_part_prints_what_differs_from_the_defaults():
    assert str(Dense(widths=(128, 64))) == "dense(widths=(128, 64))"
    assert str(Conv()) == "conv()"
    assert str(Gaussian(scale=0.5, link="sigmoid")) == "gaussian(link='sigmoid', scale=0.5)"


def test_a_kind_alone_is_the_part_with_its_defaults():
    assert Network.from_json("conv") == Conv()
    assert Distance.from_json({"kind": "gaussian"}) == Gaussian()


def make(kind: Any, **fields: Any) -> Any:
    """What a type checker would refuse to write."""
    return kind(**fields)


MISTAKES = [
    (lambda: make(Plain, size=0), "code.size is 0: expected a whole number of at least 1."),
    (lambda: make(Plain, size=2.5), "code.size is 2.5: expected a whole number or a list or 'auto' or 'wide'."),
    (lambda: make(Plain, size="a"), "code.size is 'a': expected a whole number or a list or 'auto' or 'wide'."),
    (lambda: make(Plain, size=(4, 0)), "code.size[1] is 0: expected a whole number of at least 1."),
    (lambda: make(Plain, size=(4, "a")), "code.size[1] is 'a': expected a whole number."),
    (lambda: make(Dense, widths=128), "network.widths is 128: expected a list or 'auto'."),
    (lambda: make(Dense, widths=(64, -1)), "network.widths[1] is -1: expected a whole number of at least 1."),
    (lambda: make(Dense, dropout=1), "network.dropout is 1: expected a number below 1."),
    (lambda: make(Dense, dropout="much"), "network.dropout is 'much': expected a number."),
    (lambda: make(Dense, tied="perhaps"), "network.tied is 'perhaps': expected true or false."),
    (
        lambda: make(Dense, normalisation="bach"),
        "network.normalisation is 'bach': expected 'batch' or 'layer'. Did you mean 'batch'?",
    ),
    (lambda: make(Conv, kernel=4), "network.kernel is 4: expected 1, 3, 5, 7, 9, 11, 13, 15 or 17."),
    (lambda: make(Gaussian, scale=0), "distance.scale is 0: expected a number above 0."),
    (lambda: make(Gaussian, scale=float("nan")), "distance.scale is nan: expected a finite number or 'learnt'."),
    (lambda: make(Gaussian, scale=float("inf")), "distance.scale is inf: expected a finite number or 'learnt'."),
    (lambda: make(ActivationL1, weight=-1), "penalty.weight is -1: expected a number of at least 0."),
    (lambda: make(ActivationL1, layer=3), "penalty.layer is 3: expected text."),
    (
        lambda: make(Dense, width=(3,)),
        "The dense network has no option 'width'. Did you mean 'widths' or 'most_widths'?",
    ),
    (lambda: make(Bce, xyz=1), "The bce distance has no option 'xyz'. Known: link."),
    (lambda: Network.from_json("dens"), "Unknown network 'dens'. Did you mean 'dense'"),
    (lambda: CodeKind.from_json("nonsense"), "Unknown code 'nonsense'. Known: "),
    (lambda: Distance.from_json({"kind": 3}), "Unknown distance 3."),
    (lambda: Network.from_json(3), "3 is not a network. Give a network, or the name of its kind. Known: "),
    (lambda: Network.from_json(Mse()), "Mse(link='auto') is not a network."),
    (lambda: Network.from_json({"widths": [3]}), "A network needs its 'kind', and none was given. Known: "),
    (Network, "A network needs its 'kind'"),
    (lambda: Dense.from_json("conv"), "Expected a dense network, got the network 'conv'."),
    (Blueprint, "blueprint needs 'network'."),
    (lambda: Blueprint.from_json("x"), "blueprint is 'x': expected a table of fields."),
    (lambda: make(Blueprint, network=Dense(), penalties="l1"), "blueprint.penalties is 'l1': expected a list."),
    (
        lambda: make(Blueprint, network=Dense(), solution="magic"),
        "expected 'gradient', 'layer by layer' or 'closed form'.",
    ),
    (
        lambda: Blueprint.from_json({"network": {"kind": "dense", "widths": [0]}}),
        "network.widths[0] is 0: expected a whole",
    ),
]


@pytest.mark.parametrize(("mistake", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_mistakes_are_said_in_one_line_that_a_person_understands(mistake, words):
    with pytest.raises(BlueprintError) as caught:
        mistake()
    message = str(caught.value)
    assert words in message
    for jargon in ("\n", "constrained", "pydantic", "Input should", "tuple"):
        assert jargon not in message


def test_an_activation_that_does_not_exist_is_answered_with_the_nearest():
    with pytest.raises(BlueprintError, match=r"network\.activation is 'rellu': expected 'relu', .*Did you mean 'relu'"):
        Dense.from_json({"kind": "dense", "activation": "rellu"})


def test_several_mistakes_are_all_said():
    with pytest.raises(BlueprintError) as caught:
        Dense.from_json({"kind": "dense", "dropout": 2, "tied": "x", "wdths": 1})
    assert all(word in str(caught.value) for word in ("dropout", "tied", "wdths"))


def test_what_is_long_or_has_lines_is_said_short():
    with pytest.raises(BlueprintError) as caught:
        Dense.from_json({"kind": "dense", "activation": "a\nb" * 100})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


class Huber(Distance):
    """A distance of somebody's own."""

    width: Annotated[float, Field(gt=0)] = 1.0

    def __call__(self, output, target, observed=None):
        return torch.nn.functional.huber_loss(output, target, reduction="none", delta=self.width).flatten(1).sum(1)


def test_a_part_of_ones_own_becomes_known_by_being_defined():
    blueprint = Blueprint(network=Dense(), code=Plain(size=2), distance=Huber(width=0.5))
    text = json.dumps(blueprint.to_json())
    assert Blueprint.from_json(json.loads(text)) == blueprint
    model = blueprint.build((4,))
    model.loss(model(torch.rand(3, 4)))[0].backward()


def test_a_part_that_nobody_has_defined_is_said_to_want_importing():
    with pytest.raises(BlueprintError, match=r"Unknown distance 'wasserstein'.*import the module that defines it"):
        Blueprint.from_json({"network": {"kind": "dense"}, "distance": {"kind": "wasserstein"}})


def test_a_part_may_name_its_kind_itself():
    class Quantile(Distance):
        kind = "pinball"

    try:
        assert Distance.from_json("pinball") == Quantile()
        assert Quantile().to_json()["kind"] == "pinball"
    finally:
        del Distance._kinds["pinball"]


def test_a_part_cannot_take_anothers_name():
    with pytest.raises(
        BlueprintError, match=r"the distance 'mse', but isthmus\.parts\.distances\.errors already defines it"
    ):
        type("Mse", (Distance,), {"__module__": "elsewhere"})
    assert Distance.from_json("mse") == Mse()


def test_a_part_may_be_defined_again_as_in_a_notebook():
    def define():
        class Again(Corruption):
            amount: float = 0.5

        return Again

    try:
        define()
        assert define() is Corruption.kinds()["again"]
    finally:
        del Corruption._kinds["again"]


def test_an_error_that_a_parts_own_check_raises_is_passed_on():
    class Picky(Value):
        size: int

        def model_post_init(self, context):
            if self.size % 2:
                raise ValueError(f"size={self.size} is odd. Give an even one.")

    with pytest.raises(BlueprintError, match="size=3 is odd"):
        Picky(size=3)


def test_families_have_names_of_their_own():
    families = {family.family for family in Part.__subclasses__()}
    assert {"network", "code", "distance", "penalty", "corruption"} <= families
