"""Sampling: new samples from a trained model, by its prior or by a sampler fitted to its codes; also of one class."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.data.precision import floating
from isthmus.data.samples import Samples, shape_words
from isthmus.drawing.draws import clouds, picture_board, series_board
from isthmus.drawing.look import Look
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.texts import text_rows
from isthmus.drawing.theme import LIGHT, Theme
from isthmus.errors import DataError, UseError, nearest
from isthmus.formatting import number
from isthmus.memory import check_size, within_memory
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts.model import check_decodes
from isthmus.parts.networks.generating import Choice, generating
from isthmus.samplers import Sampler, Sequences, Way, fit_sampler
from isthmus.seeds import seeded
from isthmus.shown import Card, Shown
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run
from isthmus.uses.sequences import FromIndices, Progress, kept_sequences, sequences_of

Wanted = Literal["auto"] | Way
WAYS: tuple[str, ...] = ("auto", *get_args(Way))
MOST_CODES = 10_000
"""The most training samples whose codes a sampler is fitted to, evenly spread."""
ORIGINS = {"prior": "the prior", "sequences": "a sequence model fitted to indices of the training part"}
"""Where codes come from, in words."""
_SHOWN, _MIXED = 60, 256
"""Samples that a report shows, and the largest code to which it fits a mixture."""


@dataclass(frozen=True, eq=False, repr=False)
class Drawn(Shown):
    """Samples decoded from drawn codes.

    values: (N, *shape) in the raw data's units: the decoder's means, without a likelihood's noise. codes: (N,
    *code). labels: (N,) int64 of a conditional model, or the requested class; otherwise None. way: how the codes were
    drawn. run: the model that drew them, for `draw`.
    """

    values: Tensor
    codes: Tensor
    labels: Tensor | None
    way: str
    run: TrainedModel | None = field(default=None, repr=False)

    def draw(self, theme: Theme = LIGHT) -> Figure:
        """Pictures and series side by side, texts in lines, rows of a table as points among the data's."""
        assert self.run is not None
        return draw(self.run, self, theme=theme)

    def _card(self) -> Card:
        origin = ORIGINS.get(self.way, f"{self.way}, fitted to codes of the training part")
        words = f"{len(self.values):,} samples of shape {shape_words(self.values.shape[1:])}, codes from {origin}"
        return Card(words, figures=() if self.run is None else (self.draw,))


@dataclass(frozen=True, eq=False, repr=False)
class FromPrior(Shown):
    """Draws codes from the model's prior."""

    model: Autoencoder

    @torch.no_grad()
    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *code) float32; the same generator state gives the same draws."""
        return self.model.code.prior.new(count, self.model, generator).cpu().float()


@dataclass(frozen=True, eq=False, repr=False)
class Source(Shown):
    """The source of draws: a sampler of codes, and the labels that belong to them.

    label: the class of all draws; None for all classes. way: how codes are drawn. temperature, top_p: see `sample`.
    """

    run: TrainedModel
    sampler: "Sampler | FromPrior | FromIndices"
    way: str
    label: int | None
    temperature: float = 0.0
    top_p: float = 1.0

    def draw(self, count: int, generator: torch.Generator) -> Drawn:
        """`count` samples; a conditional model draws each class in turn, unless one class was requested.

        The same generator state gives the same draws.
        """
        what, advice = f"A draw of {count} samples", "Draw fewer at a time."
        numbers = 2 * (math.prod(self.run.model.shape) + math.prod(self.run.model.code_shape))
        check_size((count, numbers), 4, what, advice)
        classes, labels = self.run.model.conditioning.classes, None
        if self.label is not None:
            labels = torch.full((count,), self.label)
        elif classes:
            labels = torch.arange(count) % classes
        with within_memory(what, advice):
            follows = isinstance(self.sampler, FromIndices)
            codes = self.sampler.draw(count, generator, *((labels,) if follows else ()))
        choice = None
        if self.temperature and (writer := generating(self.run.model.decoder)) is not None:
            noise = writer.noise(count, self.run.model.shape, generator).to(self.run.model.device)
            choice = Choice(noise, self.temperature, self.top_p)
        return Drawn(self.run.decode(codes, labels if classes else None, choice), codes, labels, self.way, self.run)


@takes_run
def sample(
    run: TrainedModel,
    count: int = 64,
    *,
    way: Wanted = "auto",
    label: str | int | None = None,
    components: int = 10,
    seed: int = 0,
    temperature: float = 0.0,
    top_p: float = 1.0,
) -> Drawn:
    """New samples from a trained model.

        drawn = ist.sample(run, 64)                     # a VAE: from its prior
        drawn = ist.sample(run, 64, way="mixture")      # any model: from Gaussians fitted to its codes
        drawn = ist.sample(run, 64, label="7")          # one class
        drawn = ist.sample(run, 64, way="sequences")    # a quantised model: from a sequence model of its indices

    way: "prior", for models trained with one; "gaussian", "mixture" or "neighbours", fitted to the training part's
        codes (`isthmus.samplers`); "sequences", for quantised codes, a small transformer that is fitted to their
        indices and kept in the run's folder; "auto" is the prior, or a transformer that is there already.
    label: the name of the class to draw. A conditional model gets it as its condition; for other models, the sampler is
        fitted only to that class's codes, and "auto" is then the mixture.
    components: of the mixture. seed: of the draws.
    temperature: of the tokens that a model of text or music draws: 0 writes the most likely ones, 1 draws from their
        probabilities. Also of a sequence model's indices, where 0 means 1. A diffusion decoder starts every sample from
        the same noise at 0, from noise of its own at 1, and from smaller noise in between. top_p: draw only from the
        most likely tokens or indices that together have this probability.

    Raises:
        UseError: the model has no prior, and way is "auto" or "prior"; or its code is quantised, and way needs numbers.
        DataError: the label is unknown, the data have no labels, or there are too few codes to fit a sampler to.
    """
    if count < 1:
        raise DataError(f"count={count}: expected 1 or more samples.")
    source = source_of(
        run, way=way, label=label, components=components, seed=seed, temperature=temperature, top_p=top_p
    )
    return source.draw(count, seeded(seed))


def source_of(
    run: TrainedModel,
    *,
    way: Wanted = "auto",
    label: str | int | None = None,
    components: int = 10,
    seed: int = 0,
    temperature: float = 0.0,
    top_p: float = 1.0,
    most: int = MOST_CODES,
    progress: Progress | None = None,
) -> Source:
    """The source that `sample` draws from; same arguments and errors.

    most: training codes to fit a sampler to. progress: of a sequence model's training.
    """
    if way not in WAYS:
        raise DataError(f"There is no way {way!r} to draw codes. {nearest(str(way), WAYS)}")
    model = run.model
    check_decodes(model)
    number = None if label is None else label_number(run, str(label))
    if (sequences := _sequences(run, way, number, progress)) is not None:
        _check_choice(run, temperature, top_p, of_indices=True)
        return Source(run, FromIndices(model, sequences, temperature or 1.0, top_p), "sequences", number)
    _check_choice(run, temperature, top_p)
    of_class = number is not None and not model.conditioning.classes
    chosen = ("mixture" if of_class else "prior") if way == "auto" else way
    if chosen == "prior":
        if of_class:
            raise UseError(
                "The prior has no classes, and this model takes no labels. Choose way='mixture', which is fitted to "
                "the codes of that class, or train the recipe 'cvae'."
            )
        if not has_prior(run):
            raise UseError(
                "This model was trained without a prior, so codes drawn from N(0, 1) don't decode to samples. "
                "Choose way='mixture' (or 'gaussian', 'neighbours'), which is fitted to the training part's codes."
            )
        return Source(run, FromPrior(model), "prior", number, temperature, top_p)
    train = run.open().train
    if of_class:
        assert train.labels is not None
        train = train.take((train.labels == number).nonzero()[:, 0])
    sampler = fit_sampler(run.encode(train.some(most)), chosen, components=components, seed=seed)
    return Source(run, sampler, chosen, number, temperature, top_p)


def _sequences(run: TrainedModel, way: Wanted, number: int | None, progress: Progress | None) -> Sequences | None:
    """The sequence model to draw the indices of a quantised code from; None to draw codes in another way.

    Raises:
        UseError: the code isn't quantised, or this isn't a way to draw a quantised code.
    """
    model = run.model
    if model.code.bits(model.code_shape) is None:
        if way == "sequences":
            raise UseError(
                f"way='sequences' draws the indices of quantised codes, but a {model.code.kind} code has none. Choose "
                "way='mixture', or train a quantised recipe such as 'vq'."
            )
        return None
    if way == "sequences":
        return sequences_of(run, progress=progress)
    of_class = number is not None and not model.conditioning.classes
    if has_prior(run) and way in ("auto", "prior") and not of_class:
        return None
    if way == "auto" and (kept := kept_sequences(run)) is not None and (kept.classes or not of_class):
        return kept
    raise UseError(
        f"This model's code is quantised ({model.code.kind}), and its decoder was never trained on values between two "
        "entries. Choose way='sequences', which fits a small transformer to the training part's indices and keeps it "
        "with the run."
    )


def _check_choice(run: TrainedModel, temperature: float, top_p: float, *, of_indices: bool = False) -> None:
    """Raise DataError if these aren't settings of a choice, UseError if nothing is chosen.

    of_indices: whether a sequence model chooses indices.
    """
    if temperature < 0 or not 0 < top_p <= 1:
        raise DataError(
            f"temperature={temperature:g} and top_p={top_p:g}: expected a temperature of at least 0, and a top_p above "
            "0 and at most 1."
        )
    if of_indices:
        return
    writer = generating(run.model.decoder)
    if temperature and writer is None:
        raise UseError(
            "This model makes no tokens and starts from no noise, so it has no temperature. Leave temperature out."
        )
    if top_p < 1 and writer is not None and not writer.tokens:
        raise UseError("This model makes no tokens to choose from. Leave top_p out.")
    if top_p < 1 and not temperature:
        raise DataError(f"top_p={top_p:g} needs a temperature above 0, such as temperature=1.")


def has_prior(run: TrainedModel) -> bool:
    """Whether the codes follow the prior: trained to, as in a VAE, wae or aae; or the prior was fitted to them."""
    return run.model.objective.towards_prior or bool(run.model.code.prior.afterwards)


def section(run: TrainedModel) -> Section | None:
    """New samples for the report; None if the model can't draw samples or there are too few codes.

    Also None if a mixture would have to be fitted to codes with very many dimensions, which takes minutes.
    """
    drawn = has_prior(run) or kept_sequences(run) is not None
    way: Wanted = "auto" if drawn else "mixture"
    if way == "mixture" and math.prod(run.model.code_shape) > _MIXED:
        return None
    try:
        made = source_of(run, way=way, most=1000, components=5).draw(_SHOWN, torch.Generator().manual_seed(0))
    except (DataError, UseError):
        return None
    if not bool(made.values.nan_to_num().isfinite().all()):
        return None
    origin = ORIGINS.get(made.way, "a mixture of 5 Gaussians fitted to codes of the training part")
    says = f"{_SHOWN} samples drawn from {origin}."
    command = "isthmus sample RUN --judge" if way == "auto" else "isthmus sample RUN --way mixture --judge"
    words = [f"{says} To compare them with real samples in numbers: {command}."]
    alt = says if run.description["kind"] == "tokens" else f"{says} {_spread_words(run, made)}"
    return Section("New samples", [plate("Drawn", lambda theme: draw(run, made, theme=theme), alt, says)], words)


def draw(run: TrainedModel, made: Drawn, *, theme: Theme = LIGHT) -> Figure:
    """A figure of drawn samples: pictures and series side by side; table rows as points among the data's."""
    model, kind = run.model, run.description["kind"]
    names = run.description.get("label_names") or ()
    captions = [names[label] for label in made.labels.tolist()] if made.labels is not None and names else []
    look = Look.of(run)
    if look.medium is not None and look.pictured:
        pictures, bounds = look.pictures({"": made.values})
        return picture_board(pictures[""], bounds=bounds, captions=captions, theme=theme)
    if kind == "tokens":
        assert look.medium is not None
        return text_rows({"drawn": look.medium.words(made.values)}, captions=captions, theme=theme)
    if kind == "series":
        return series_board(made.values, captions=captions, theme=theme)
    with torch.no_grad():
        scaled = model.scaling(made.values).cpu()
        if kind == "pictures":
            bounds = model.scaling.range or (float(scaled.min()), float(scaled.max()))
            in_turn = len(captions) >= 10 and captions[:10] == captions[10:20]
            return picture_board(scaled, bounds=bounds, captions=captions[:10] if in_turn else (), theme=theme)
        real = reference(run)[1].some(500).tensor()
        return clouds(model.scaling(real).cpu(), scaled, theme=theme)


def reference(run: TrainedModel, label: int | None = None) -> tuple[str, Samples]:
    """The part that draws are compared with, and its name: test, validation or train; one class, or all."""
    data = run.open()
    for name in ("test", "validation", "train"):
        part = data.parts[name]
        if label is not None and part.labels is not None:
            part = part.take((part.labels == label).nonzero()[:, 0])
        if len(part):
            return name, part
    raise DataError("The data have no samples of that class. Choose another class.")


def label_number(run: TrainedModel, name: str) -> int:
    """The number of the class of this name.

    Raises:
        DataError: there is none, or the data have no labels.
    """
    names = tuple(run.description.get("label_names") or ()) or run.open().label_names
    classes = run.model.conditioning.classes
    if not names:
        names = tuple(map(str, range(classes)))
    if not names:
        raise DataError("The data have no labels, so you can't draw one class. Leave label out, or train with label=.")
    if name not in names:
        raise DataError(f"There is no class {name!r} in the data. {nearest(name, names)}")
    return names.index(name)


def _spread_words(run: TrainedModel, made: Drawn) -> str:
    """How much the draws vary, compared with the data, in words."""
    _, real = reference(run)
    few = floating(real.batch(torch.arange(min(len(real), 500))))
    spreads = [float(of.flatten(1).nan_to_num().std(0).mean()) for of in (made.values, few)] if len(few) > 1 else []
    if not spreads or not all(map(math.isfinite, spreads)):
        return ""
    return f"Mean standard deviation of their numbers: {number(spreads[0])}; of the data's: {number(spreads[1])}."
