"""Blending: samples between two given ones, made by mixing their contents or their codes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples
from isthmus.data.series import ended
from isthmus.drawing.animation import animation, write_gif
from isthmus.drawing.look import Look
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.rows import sample_rows
from isthmus.drawing.theme import LIGHT, Theme
from isthmus.errors import DataError, UseError, nearest, remark
from isthmus.formatting import number
from isthmus.measures import nearest_samples
from isthmus.shown import Card, Shown, Table
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import MOST_STEPS, check_continuous, decode, one_sample, takes_run, with_label

if TYPE_CHECKING:
    from isthmus.classifier import Classifier

Way = Literal["content", "linear", "spherical"]
WAYS: tuple[Way, ...] = get_args(Way)
TITLES = {"content": "content", "linear": "code, linear", "spherical": "code, spherical"}
COMPARED = 20_000
"""The most training samples that are searched for the nearest one."""


@dataclass(frozen=True, eq=False, repr=False)
class Blend(Shown):
    """Samples on the way from each given one to the next, S in all.

    names: the names of the given samples. at: (S,) the position of each: 0 is the first given sample, 1 the second,
    0.5 half-way between. samples: way → (S, *shape), raw units. codes: way → (S, *code), for the ways through the
    code. distances: way → (S,) to the nearest training sample, the root mean square over a sample's numbers, in
    scaled units; empty if the training data are not available. confidences: way → (S,) probability of the label that
    a classifier finds most probable; empty without a classifier.
    """

    names: tuple[str, ...]
    at: Tensor
    samples: dict[str, Tensor]
    codes: dict[str, Tensor]
    look: Look
    distances: dict[str, Tensor] = field(default_factory=dict)
    confidences: dict[str, Tensor] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For each way, the distances to the training samples, and the confidences of a classifier if there is one."""
        told = {"distance": self.distances, "confidence": self.confidences}
        ways: dict[str, Any] = {way: {} for way in self.samples}
        for name, by_way in told.items():
            for way, values in by_way.items():
                ways[way] |= {name: values.tolist(), f"{name}_between": self._between(values)}
        return {"samples": list(self.names), "at": self.at.tolist(), "ways": ways}

    def _between(self, values: Tensor) -> float | None:
        """The mean over the samples in between, without the given ones."""
        between = values[self.at != self.at.round()]
        return float(between.mean()) if len(between) else None

    def _card(self) -> Card:
        head = ["way", "distance to the nearest training sample", *(["confidence"] if self.confidences else [])]
        rows = [
            [
                TITLES[way],
                *(
                    number(self._between(values[way])) if way in values else ""
                    for values in (self.distances, *([self.confidences] if self.confidences else []))
                ),
            ]
            for way in self.samples
        ]
        words = f"{len(self.at)} samples from {' to '.join(self.names)}"
        table = Table(head, rows, "Means over the samples in between.")
        return Card(words, tables=[table] if self.distances or self.confidences else (), figures=(self.draw,))

    def draw(self, theme: Theme = LIGHT) -> Figure:
        """A strip with one row per way; the names of the given samples stand above them."""
        rows = {TITLES[way]: samples for way, samples in self.samples.items()}
        names = iter(self.names)
        captions = [next(names) if at == round(at) else "" for at in self.at.tolist()]
        return sample_rows(rows, self.look, captions=captions, theme=theme)

    def animate(self, path: str | Path) -> Path:
        """Write a GIF that runs forwards and back, the ways side by side, and return its path."""
        return write_gif(path, animation({TITLES[way]: samples for way, samples in self.samples.items()}, self.look))


@takes_run
def blend(
    run: TrainedModel,
    *given: Any,
    steps: int = 7,
    ways: Sequence[str] | None = None,
    condition: str | int | None = None,
    compare: int | None = COMPARED,
    judge: "Classifier | None" = None,
    **read_options: Any,
) -> Blend:
    """Blend samples, from each given one to the next.

        found = blend(run, "test:3", "test:8", steps=7)
        found.draw().savefig("strip.png"); found.animate("there-and-back.gif")

    given: two or more samples, each as for `uses.arguments.one_sample`: 3 or "test:3" is number 3 of the test part.
    steps: samples from one given sample to the next, both included.
    ways: "content" mixes the samples' own numbers; "linear" and "spherical" mix their codes and decode the mixtures.
        None: all three.
    condition: the label to decode with, for a model conditioned on labels. None: the label that the samples share.
    compare: search this many training samples, evenly spread, for the nearest one. None: search all; 0: don't search.
    judge: a classifier of the data's labels (`isthmus.classifier`), to measure its confidence in each blend.
    read_options: how to read a source, as for `Run.encode`.

    Raises:
        DataError: there are fewer than two samples, or one can't be found or read.
        UseError: the model's code can't be blended, or the samples have different labels and no condition is given.
    """
    if len(given) < 2 or not 2 <= steps <= MOST_STEPS:
        raise DataError(
            f"Got {len(given)} samples and {steps} steps: expected two or more samples, and 2 to {MOST_STEPS:,} steps."
        )
    chosen_ways = known_ways(ways)
    through_code = [way for way in chosen_ways if way != "content"]
    if through_code:
        check_continuous(run, "Blend only the contents (ways=content), or train a model such as vae.")
    found = [one_sample(run, one, **read_options) for one in given]
    samples = [one for one, _ in found]
    share = torch.linspace(0, 1, steps, dtype=torch.float64)
    raw = torch.cat([floating(one.tensor()) for one in samples])
    mixed = blended_tokens(raw, share) if samples[0].kind == "tokens" else _mixed(raw, share, run.model.scaling.levels)
    made = {"content": mixed} if "content" in chosen_ways else {}
    codes = _blended_codes(run, samples, share, through_code, condition)
    chosen = _label(run, samples, condition) if codes else None
    for way, between in codes.items():
        made[way] = decode(run, between, chosen)
        if samples[0].kind == "series":
            over = along(ended(raw).float(), share, linear) == 1  # where both are over
            made[way] = torch.where(over, torch.nan, made[way])
    at = torch.cat([torch.zeros(1), *(leg + share[1:] for leg in range(len(given) - 1))])
    names = tuple(name for _, name in found)
    sure = {} if judge is None else {way: judge.probabilities(some).amax(1) for way, some in made.items()}
    return Blend(names, at, made, codes, Look.of(run), _distances(run, made, compare), sure)


def known_ways(names: Sequence[str] | None) -> tuple[Way, ...]:
    """The ways with these names (one name or several); all ways if None.

    Raises:
        DataError: there is no such way.
    """
    names = [names] if isinstance(names, str) else names
    for name in names or ():
        if name not in WAYS:
            raise DataError(f"There is no way {str(name)!r} to blend. {nearest(str(name), WAYS)}")
    return tuple(way for way in WAYS if names is None or way in names)


def linear(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    r"""(N, *code) twice, (S,) to (N, S, *code): :math:`(1 - t)\,a + t\,b`."""
    t = share.to(start.dtype).view(-1, *[1] * (start.ndim - 1))
    return (1 - t) * start[:, None] + t * end[:, None]


def spherical(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    r"""(N, *code) twice, (S,) to (N, S, *code): :math:`\frac{\sin(1-t)\Omega}{\sin\Omega} a + \frac{\sin t\Omega}{\sin\Omega} b`.

    :math:`\Omega` is the angle between both codes, seen from the origin. This path keeps the length of typical codes.
    The straight path cuts through the middle, where a normal prior with many dimensions has no samples. Codes that
    point in the same or in opposite directions, and codes of length 0, are mixed linearly.

    Source: Shoemake, Animating rotation with quaternion curves, SIGGRAPH (1985); White, Sampling generative networks,
    arXiv 1609.04468 (2016).
    """  # noqa: E501
    a, b = start.flatten(1).double(), end.flatten(1).double()
    angle = torch.acos(torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1))
    t, omega = share.double(), angle[:, None]
    sine = omega.sin()
    turning = (sine > 1e-4) & (a.norm(dim=1) * b.norm(dim=1) > 0)[:, None]
    sine = torch.where(turning, sine, 1.0)
    left = torch.where(turning, ((1 - t) * omega).sin() / sine, 1 - t)
    right = torch.where(turning, (t * omega).sin() / sine, t)
    way = left[..., None] * a[:, None] + right[..., None] * b[:, None]
    return way.to(start.dtype).view(len(start), len(share), *start.shape[1:])


def along(given: Tensor, share: Tensor, way: Any) -> Tensor:
    """(K, *code), (S,) to ((K - 1)·(S - 1) + 1, *code): from each to the next, each given one once."""
    legs = way(given[:-1], given[1:], share)
    return torch.cat([legs[0, :1], legs[:, 1:].flatten(0, 1)])


def _mixed(raw: Tensor, share: Tensor, levels: Sequence[int]) -> Tensor:
    """(K, *shape) raw samples to the (S', *shape) between them.

    Categories can't be mixed, nor can a number and a missing one: there the value of the nearer sample is used.
    """
    numbers, nearer = along(raw, share, linear), along(raw, share, _nearer)
    whole = torch.tensor(levels or 0) > 0
    return torch.where(whole | numbers.isnan(), nearer, numbers)


def blended_tokens(raw: Tensor, share: Tensor) -> Tensor:
    """(K, T) tokens to the (S', T) between them: places change to the next sample's token one by one, in any order."""
    places = torch.rand(raw.shape[1], generator=torch.Generator().manual_seed(0))

    def way(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
        return torch.where(places < share.view(-1, 1).to(places.dtype), end[:, None], start[:, None])

    return along(raw, share, way)


def _nearer(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """(N, *shape) twice, (S,) to (N, S, *shape): the start as far as half-way, then the end."""
    return torch.where((share > 0.5).view(-1, *[1] * (start.ndim - 1)), end[:, None], start[:, None])


def section(run: TrainedModel) -> Section | None:
    """Blends from one test sample to a second and a third; None if the code can't be blended."""
    parts = run.open().parts
    part = next((name for name in ("test", "validation", "train") if len(parts[name]) > 2), None)
    if part is None:
        return None
    chosen = _shown(run, parts[part])
    if len(chosen) < 2:
        return None
    try:
        found = blend(run, *(f"{part}:{i}" for i in chosen), steps=5, compare=COMPARED // 10)
    except (DataError, UseError):  # of a diverged model, say
        return None
    if not all(bool(far.isfinite().all()) for far in found.distances.values()):
        return None
    told = [(TITLES[way], row["distance_between"]) for way, row in found.to_json()["ways"].items()]
    distances = "; ".join(f"{name} {number(value)}" for name, value in told)
    which = f"samples {', '.join(map(str, chosen))} of the {part} part"
    strip = plate(
        "Blends",
        found.draw,
        f"Blends between {which}: of their contents, and of their codes, along a line and along a sphere. "
        f"Mean distance to the nearest training sample: {distances}.",
        f"Blends between {which}, counted from 0. Mean distance to the nearest training sample: {distances}.",
    )
    words = (
        "One row mixes the samples' contents; the others mix their codes and decode the mixtures. If codes fill the "
        "latent space well, the decoded mixtures look like data. A mixture of contents shows both samples half faded."
    )
    return Section("Blends between samples", [strip], [words])


def _shown(run: TrainedModel, samples: Samples) -> list[int]:
    """Three samples: of different labels if there are any; of one label for a model conditioned on labels."""
    if samples.labels is not None:
        groups = [(samples.labels == label).nonzero()[:, 0].tolist() for label in samples.labels.unique()]
        if run.model.conditioning.classes:
            return max(groups, key=len)[:3]
        if len(groups) > 2:
            return [group[0] for group in groups[:3]]
    return [0, len(samples) // 2, len(samples) - 1]


def _blended_codes(
    run: TrainedModel, samples: list[Samples], share: Tensor, ways: list[str], condition: str | int | None
) -> dict[str, Tensor]:
    """(S, *code) by way."""
    if not ways:
        return {}
    codes = torch.cat([run.encode(with_label(run, one, condition)) for one in samples])
    return {way: along(codes, share, linear if way == "linear" else spherical) for way in ways}


def _label(run: TrainedModel, samples: list[Samples], condition: str | int | None) -> Tensor | None:
    """The one label, (), to decode with; None for a model that is not conditioned on labels."""
    if not run.model.conditioning.classes:
        return None
    own = [with_label(run, one, condition).labels for one in samples]
    numbers = torch.cat([labels for labels in own if labels is not None])
    if len(numbers.unique()) > 1:
        known = run.description.get("label_names") or range(run.model.conditioning.classes)
        names = " and ".join(str(known[number]) for number in numbers.unique().tolist())
        raise UseError(
            f"This model decodes with one label, but these samples have different labels ({names}). "
            "Choose the label to decode with (condition=), or give samples of one label."
        )
    return numbers[0]


def _distances(run: TrainedModel, made: dict[str, Tensor], compare: int | None) -> dict[str, Tensor]:
    if compare == 0:
        return {}
    try:
        train = run.open().train
    except DataError as error:
        remark(f"The distances from the blends to the training samples are left out: {error}")
        return {}
    sizes = [len(samples) for samples in made.values()]
    found = nearest_samples(torch.cat(list(made.values())), train, run.model.scaling, most=compare)
    return dict(zip(made, found.distance.split(sizes), strict=True))
