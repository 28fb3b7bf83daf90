"""Names of parts: the words by which folders, files and arrays say that they are for training, validation or test."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable

_WORDS = {
    "train": "train training trainset trainingset trn tr",
    "validation": "validation validate validating valid val validationset validset valset dev devel development devset "
    "eval evaluate evaluation evalset va",
    "test": "test testing testset testingset tst te holdout heldout hold-out held-out",
}
PARTS: dict[str, str] = {word: part for part, words in _WORDS.items() for word in words.split()}
"""The part that each word stands for, in lower case."""
_PLAIN = "set data dataset split part samples images image imgs img pictures files"
PLAIN = ("", *_PLAIN.split())
"""What may stand next to the word in a name, since it says no more: "train_images"."""
_BORDER = re.compile(r"(?<=[a-z])(?=[A-Z])|[\s_.-]+")
_LONG = "|".join(re.escape(word) for word in PARTS if len(word) > 3)
_NEARLY = re.compile(rf"({_LONG})([\s_.-].*|\d+|[a-d])?|.*[\s_.-]({_LONG})")


def split_name(name: str, rests: Collection[str] | None = PLAIN) -> tuple[str, str] | None:
    """The part that a name stands for, and the rest of the name in lower case; None if it stands for no part.

    rests: what the rest may be; None allows any rest that a separator or a capital letter divides from the word.

    >>> split_name("Test_images"), split_name("X_train", ("x",)), split_name("testimony")
    (('test', 'images'), ('train', 'x'), None)
    """
    lower = name.lower().strip()
    if lower in PARTS and (rests is None or "" in rests):
        return PARTS[lower], ""
    words = [word for word in _BORDER.split(name.strip()) if word]
    for place in (0, -1):
        if len(words) > 1 and words[place].lower() in PARTS:
            rest = "_".join(words[1:] if place == 0 else words[:-1]).lower()
            if rests is None or rest in rests:
                return PARTS[words[place].lower()], rest
    for word in sorted(PARTS, key=len, reverse=True) if rests is not None else ():  # "xtrain", without any separator
        for rest in (lower.removeprefix(word), lower.removesuffix(word)):
            if rest and rest != lower and rest in (rests or ()):
                return PARTS[word], rest
    return None


def parts_among(names: Iterable[str]) -> dict[str, str]:
    """The names that stand for parts, each with its part; empty unless they include training data.

    The names may have something in common next to the word, such as "seg_train" and "seg_test".

    >>> parts_among(["Training", "Test", "other"])
    {'Training': 'train', 'Test': 'test'}
    """
    names = list(names)
    plain = {name: found[0] for name in names if (found := split_name(name))}
    if len(plain) < len(names):  # among others, "tr" and "te" may be languages
        plain = {name: part for name, part in plain.items() if len(name) > 2}
    if "train" in plain.values():
        return plain
    by_rest: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        if (found := split_name(name, None)) and found[1]:
            by_rest[found[1]][name] = found[0]
    divided = [found for found in by_rest.values() if {"train"} < set(found.values())]
    return divided[0] if len(divided) == 1 else {}


def nearly_parts(names: Iterable[str]) -> list[str]:
    """The names that are nearly a part's, such as "Train1" or "my test".

    >>> nearly_parts(["Train1", "my test", "testA", "cats", "trainer"])
    ['Train1', 'my test', 'testA']
    """
    return [name for name in names if _NEARLY.fullmatch(name.lower())]
