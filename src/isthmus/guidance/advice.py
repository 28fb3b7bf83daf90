"""Advice: from a purpose and data to recipes, with their reasons, their measured figures, and commands to copy."""

import dataclasses
import functools
import json
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from isthmus.assignments import read_assignment
from isthmus.data.data import Data
from isthmus.data.open import open_data
from isthmus.data.options import OptionWords
from isthmus.data.sources import called
from isthmus.errors import BlueprintError, UseError, collected_remarks
from isthmus.formatting import number
from isthmus.guidance.kinds import KINDS, Facts, example_of, facts_of, of_kind, with_reading
from isthmus.guidance.measured import Measurements, measurements, title_of
from isthmus.guidance.purposes import PURPOSES, Purpose, Way
from isthmus.guidance.words import kind_for, meant, unfit
from isthmus.model.recipes import find_recipe, recipe
from isthmus.options import DivisionOptions, ReadingOptions, TrainingOptions, options_of
from isthmus.plain import plain
from isthmus.shown import WIDE, Card, Shown, Table, as_text

SETS = 3
"""The most data sets whose figures decide and are shown."""
SHOWN = 4
"""The recipes that come with their reasons; of the others only the names are shown."""
COST = ("seconds", "megabytes")
"""The measures of what a training costs."""
HEADS = {"seconds": "seconds", "megabytes": "MB"}
"""The heads of their columns."""


@dataclass(frozen=True)
class Choice:
    """A recipe for a purpose.

    why: when to choose it. figures: for each data set of the survey, the measure of the purpose and what the training
    cost; empty if it was not measured there. options: of the recipe, as `--set` takes them. commands, code: to copy,
    for a shell and for Python.
    """

    recipe: str
    why: str
    figures: Mapping[str, Mapping[str, float]]
    options: tuple[str, ...]
    commands: str
    code: str


@dataclass(frozen=True, repr=False)
class Advice(Shown):
    """Which recipe to take; `recommend` returns it.

    choices: the recipes, the first choice first. facts: of the data. assumed: whether the kind of data is a guess,
    because neither the text nor a source said it. sets: the data sets of the survey that the order rests on. left_out:
    recipes that don't fit the data, and why. others: further purposes that the text may mean.
    """

    purpose: Purpose
    facts: Facts
    assumed: bool
    choices: tuple[Choice, ...]
    sets: tuple[str, ...]
    measured: Measurements = field(repr=False)
    left_out: Mapping[str, str] = field(default_factory=dict)
    others: tuple[Purpose, ...] = ()

    @property
    def first(self) -> Choice:
        """The first choice."""
        return self.choices[0]

    @property
    def simpler(self) -> str:
        """A simpler tool that may be enough, or ""."""
        return self.purpose.simpler.get(self.facts.kind.name, self.purpose.simpler.get("any", ""))

    @property
    def reason(self) -> str:
        """Why the first choice is the first: when to choose it, and how it stands in the survey."""
        ranks = self.measured.ranks([one.recipe for one in self.choices], self.purpose.measure, self.sets)
        if self.first.recipe not in ranks or len(ranks) == 1:
            return self.first.why
        level = [name for name, rank in ranks.items() if rank.place == ranks[self.first.recipe].place][1:]
        by = f"By {title_of(self.purpose.measure)} on {_joined(self.sets)}"
        if not level:
            return f"{self.first.why} {by}, it is the best of {len(ranks)} recipes."
        return f"{self.first.why} {by}, it is level with {_joined(level)}, and it trains fastest."

    @property
    def instead(self) -> tuple[Choice, ...]:
        """The other recipes that come with their reasons."""
        return self.choices[1:SHOWN]

    def figures(self) -> Table:
        """The figures of the first choice and of those that come with their reasons; no rows if none was measured."""
        measure, shown = self.purpose.measure, (self.first, *self.instead)
        columns = [(data, measure) for data in self.sets] if measure not in COST else []
        columns += [(data, cost) for data in self.sets[:1] for cost in COST]
        columns = [(data, one) for data, one in columns if any(one in row.figures.get(data, {}) for row in shown)]
        heads = [HEADS[one] if one in COST else f"{title_of(one)}, {data}" for data, one in columns]
        rows = [
            (row.recipe, *(number(row.figures.get(data, {}).get(one)) for data, one in columns))
            for row in shown
            if row.figures
        ]
        return Table(("recipe", *heads), rows if columns else (), code=(0,))

    def notes(self) -> Iterator[str]:
        """What else there is to know: lines of a word, a colon and a text."""
        if self.assumed:
            kinds = ", ".join(self.purpose.ways)
            yield f"Assumed: {self.facts.kind.title}. Name your kind of data ({kinds}), or give the data themselves."
        if more := self.choices[SHOWN:]:
            yield f"Also possible: {', '.join(choice.recipe for choice in more)}."
        if self.left_out:
            yield f"Not for these data: {', '.join(self.left_out)}."
        if self.simpler:
            yield f"A simpler tool: {self.simpler}"
        yield f"Figures: {self.source()}"
        if self.others:
            yield f"You may also mean: {', '.join(f'{one.name} ({one.title})' for one in self.others)}."
        yield f"Read more: docs/{self.purpose.page}"

    def source(self) -> str:
        """Where the figures come from, or that there are none."""
        if not any(choice.figures for choice in self.choices):
            return "none, because the survey has no such data. The order is that of the documentation."
        sets = "; ".join(f"{name}: {self._set(name)}" for name in self.sets)
        measure = self.purpose.measure
        means = f"{title_of(measure)}: {self.measured.measures[measure].means} " if measure else ""
        order = "" if measure else "The order is that of the documentation. "
        return f"`{self.measured.made_by}`, on {self.measured.machine}. {means}{order}{sets}."

    def _set(self, name: str) -> str:
        one = self.measured.data[name]
        sizes = "×".join(map(str, one.shape))
        epochs = f", {one.epochs} epochs" if one.epochs else ""
        return f"{one.what or name}, {one.samples:,} samples of {sizes}{epochs}"

    def to_json(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {
            "purpose": self.purpose.name,
            "title": self.purpose.title,
            "data": self.facts.kind.name,
            "assumed": self.assumed,
            "measure": self.purpose.measure or None,
            "data_sets": {name: self.measured.data[name].model_dump() for name in self.sets},
            "choices": [dataclasses.asdict(choice) for choice in self.choices],
            "left_out": dict(self.left_out),
            "simpler": self.simpler or None,
            "figures_from": self.measured.made_by,
            "machine": self.measured.machine,
            "page": self.purpose.page,
            "others": [one.name for one in self.others],
        }

    @property
    def words(self) -> str:
        """The advice in one line."""
        return f"To {self.purpose.title}, with {self.facts.words()}: {self.first.recipe}"

    def _card(self) -> Card:
        why = Table(("instead", "when to choose it"), [(one.recipe, one.why) for one in self.instead], code=(0,))
        facts = {"why": self.reason} | dict(note.split(": ", 1) for note in self.notes())
        tables = [one for one in (self.figures(), why) if one.rows]
        return Card(self.words, facts, tables, code=self.first.code)

    def __str__(self) -> str:
        card, wrap = self._card(), functools.partial(textwrap.wrap, width=WIDE)
        lines = [card.words, *wrap(self.reason), "", card.code]
        for table in card.tables:
            lines += ["", *as_text(Card("", tables=[table])).splitlines()[1:]]
        return plain("\n".join([*lines, "", *(line for note in self.notes() for line in wrap(note))]))


def recommend(purpose: str, data: Any = None, **options: Unpack[OptionWords]) -> Advice:
    """Which recipe to take for a purpose: the first choice, its reason, its measured cost, and code to copy.

        print(ist.recommend("anomalies in a table"))
        ist.recommend("draw", "digits").first.recipe

    The recipes are ordered by a measure of the purpose, on the data sets of the survey that are most like yours. The
    survey's table ships with the package.

    purpose: in your words, or one of the names in `docs/choosing.md`. data: a source, as `open_data` takes it, or the
    name of a kind of data, such as "table"; if it is None, the kind is taken from the words. options: how to read the
    source, as for `open_data`.

    Raises:
        UseError: the text names no purpose, or there is no recipe for such data.
        DataError: the source can't be read.
    """
    found = meant(purpose)
    if isinstance(data, str) and data in KINDS:
        kind, facts, opened = KINDS[data], None, None
    elif data is None:
        kind, facts, opened = found.kind or KINDS[next(iter(found.purpose.ways))], None, None
    else:
        facts, opened = _opened(data, found.kind.reading if found.kind else {}, dict(options))
        kind = facts.kind
    fits = kind_for(found.purpose, kind)
    if fits is None:
        raise unfit(found.purpose, kind)
    facts = example_of(fits) if facts is None else of_kind(facts, fits)
    if found.purpose.labels and opened is not None and not facts.labels:
        raise UseError(f"To {found.purpose.title}, the data need labels. Name their column with label=.")
    return _advice(found.purpose, facts, opened, assumed=data is None and found.kind is None, others=found.others)


def _opened(source: Any, reading: Mapping[str, Any], options: dict[str, Any]) -> tuple[Facts, Data]:
    """The facts of a source. reading: of the kind of data that the text names, where the source leaves it open."""
    words: dict[str, Any] = {name: value for name, value in reading.items() if name == "kind"} | options
    as_it_is: dict[str, Any] = {"missing": "keep"} | words
    with collected_remarks():  # the command that is copied makes them again
        data = open_data(source, **as_it_is)
    if data.holed:
        words = {"missing": "keep"} | words
    named = source if isinstance(source, str | Path) else None
    return facts_of(data, None if named is None else called(named), words), data


def _advice(
    purpose: Purpose, facts: Facts, data: Data | None, *, assumed: bool = False, others: tuple[Purpose, ...] = ()
) -> Advice:
    table = measurements()
    sets = _sets(table, facts)
    ways = _in_order(purpose, facts, table, sets)
    left_out: dict[str, str] = {}
    choices: list[Choice] = []
    for way in ways:
        if data is not None and len(choices) < SHOWN and (why := _misfit(way, data)):
            left_out[way.recipe] = why
        else:
            choices.append(_choice(way, purpose, facts, table, sets))
    if not choices:
        raise UseError(f"None of {', '.join(left_out)} fits these data: {next(iter(left_out.values()))}")
    return Advice(purpose, facts, assumed, tuple(choices), tuple(sets), table, left_out, others)


def _sets(table: Measurements, facts: Facts) -> list[str]:
    """The data sets of the survey that are of the same kind, the most similar first."""
    called = facts.kind.surveyed or facts.kind.name
    there = [name for name, one in table.data.items() if one.kind == called]
    return table.nearest(there, facts.shape, facts.samples, SETS) if facts.known else there[:SETS]


def _in_order(purpose: Purpose, facts: Facts, table: Measurements, sets: Sequence[str]) -> list[Way]:
    """The recipes for a kind of data: those that were measured by their standing, then the others in their order."""
    ways = list(purpose.ways[facts.kind.name])
    ranks = table.ranks([way.recipe for way in ways], purpose.measure, sets)
    usual = {way.recipe: place for place, way in enumerate(ways)}
    return sorted(ways, key=lambda way: (way.recipe not in ranks, ranks.get(way.recipe, ()), usual[way.recipe]))


def _misfit(way: Way, data: Data) -> str:
    """Why a recipe can't be built for the data; "" if it can."""
    try:
        with collected_remarks():
            recipe(way.recipe, **_arguments(way)).build(data)
    except BlueprintError as error:
        return str(error)
    return ""


def _choice(way: Way, purpose: Purpose, facts: Facts, table: Measurements, sets: Sequence[str]) -> Choice:
    wanted = [one for one in (purpose.measure, *COST) if one]
    figures = {
        data: {one: value for one in wanted if (value := table.value(way.recipe, data, one)) is not None}
        for data in sets
    }
    facts = with_reading(facts, way.reading)
    return Choice(
        way.recipe,
        way.why or find_recipe(way.recipe).advice,
        {data: known for data, known in figures.items() if known},
        way.options,
        _commands(way, purpose, facts),
        _code(way, purpose, facts),
    )


def _commands(way: Way, purpose: Purpose, facts: Facts) -> str:
    """Commands for a shell: train, and what comes next."""
    run, source = f"runs/{way.recipe}", shlex.quote(facts.source or "DATA")
    words = [*_flags(facts.reading), "--recipe", way.recipe]
    words += [word for option in way.options for word in ("--set", option)]
    words += [*_flags(facts.kind.training), "--out", run]
    folder = facts.source is not None and (facts.source.endswith("/") or Path(facts.source).is_dir())
    then = purpose.files if folder and purpose.files else purpose.command
    using = "".join(f" {word}" for word in _flags(way.using))
    then = then.format(run=run, data=source, results=facts.kind.writes, using=using)
    return f"isthmus train {source} {shlex.join(words)}\n{then}"


def _code(way: Way, purpose: Purpose, facts: Facts) -> str:
    """The same in Python."""
    source = repr(facts.source) if facts.source else "source"
    training = "".join(f", {name}={value!r}" for name, value in facts.kind.training.items())
    named = _arguments(way)
    model = ", ".join([repr(way.recipe), *(f"{name}={value!r}" for name, value in named.items())])
    reading = "".join(f", {name}={value!r}" for name, value in facts.reading.items())
    return "\n".join(
        [
            f"data = ist.open_data({source}{reading})".replace("'", '"'),
            f"model = ist.recipe({model}).build(data)".replace("'", '"'),
            f'run = ist.fit(model, data{training}, out="runs/{way.recipe}")',
            purpose.code.format(using="".join(f", {name}={value!r}" for name, value in way.using.items())),
        ]
    )


def _arguments(way: Way) -> dict[str, Any]:
    """The options of a recipe as Python takes them."""
    return {name.replace(".", "__"): value for name, value in map(read_assignment, way.options)}


def _joined(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _flags(given: Mapping[str, Any]) -> Iterator[str]:
    """Options as words of a command."""
    known = {**options_of(ReadingOptions), **options_of(DivisionOptions), **options_of(TrainingOptions)}
    for name, value in given.items():
        flag = known[name].flag if name in known else f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            yield flag if value else f"--no-{flag[2:]}"
        elif isinstance(value, tuple | list):
            yield from (flag, ("x" if name == "size" else ",").join(map(str, value)))
        else:
            yield from (flag, str(value) if isinstance(value, str) else json.dumps(value))


def every_advice() -> Iterator[Advice]:
    """The advice for each purpose and each kind of data that it has recipes for."""
    return (_advice(purpose, example_of(KINDS[kind]), None) for purpose in PURPOSES.values() for kind in purpose.ways)
