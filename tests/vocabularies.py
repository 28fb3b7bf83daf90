"""Samples of tokens for tests: blueprints with a vocabulary but without data, and texts to learn from."""

import torch

TOKENS = 7
SHAPES = {"series": (1, 30), "graph": (1, 34, 36), "colour": (3, 28, 28), "text": (12,)}
"""A shape for each kind of recipe's data; other recipes take grey pictures, (1, 28, 28)."""
SUBJECTS, VERBS, OBJECTS = (
    ("a cat", "the dog", "my bird", "no king"),
    ("sees", "hears", "wants"),
    ("bread", "the sea", "it"),
)
SENTENCES = [f"{one} {verb} {other}" for one in SUBJECTS for verb in VERBS for other in OBJECTS]


def with_tokens(blueprint, tokens=TOKENS):
    """The blueprint for a vocabulary of this size; unchanged if it isn't for tokens."""
    parts = {"network": blueprint.network, "distance": blueprint.distance, "corruption": blueprint.corruption}
    named = {f"{name}__tokens": tokens for name, part in parts.items() if "tokens" in type(part).model_fields}
    return blueprint.with_options(**named) if blueprint.distance.kind == "tokens" else blueprint


def rows(count, length, tokens=TOKENS, seed=0):
    """(count, length) float32 tokens, with ends here and there."""
    return torch.randint(0, tokens, (count, length), generator=torch.Generator().manual_seed(seed)).float()


def samples_for(model, count, seed=0):
    """(count, *shape) samples that a model takes: tokens, or numbers in 0..1."""
    if model.distance.kind == "tokens":
        return rows(count, model.shape[0], model.distance.tokens, seed)
    return torch.rand(count, *model.shape, generator=torch.Generator().manual_seed(seed))
