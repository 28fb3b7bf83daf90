"""Python, the command line and the definitions agree on every option: its name, default, bounds and help."""

import inspect
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin

import pytest
import typer

import isthmus as ist
from isthmus.cli.main import app
from isthmus.cli.wording import in_our_words
from isthmus.data.options import Options, OptionWords
from isthmus.options import DivisionOptions, ReadingOptions, StudyOptions, TrainingOptions, options_of
from isthmus.options.option import GROUPS
from isthmus.training import Settings
from isthmus.training.choice import OPEN

CLASSES = (TrainingOptions, ReadingOptions, DivisionOptions, StudyOptions)
DEFINED = [pytest.param(one, id=f"{cls.__name__}.{one.name}") for cls in CLASSES for one in options_of(cls).values()]
GROUP: Any = typer.main.get_command(app)
COMMANDS = GROUP.commands
STUDIES = {"sweep": ist.sweep, "compare": ist.compare, "pretrain": ist.pretrain}
USES = {
    "blend": ist.blend,
    "detect": ist.detect,
    "map": ist.map_codes,
    "restore": ist.restore_files,
    "sample": ist.sample,
    "traverse": ist.traverse,
} | STUDIES


def offered(defined):
    """Every command's parameter that is this option, by the command's name."""
    found = {}
    for name, command in COMMANDS.items():
        for parameter in command.params:
            same = parameter.name == defined.word and defined.flag in parameter.opts
            if same and parameter.help.startswith(in_our_words(defined.option.help)):
                found[name] = parameter
    return found


def test_keywords_fields_and_definitions_of_reading_have_the_same_names():
    names = list(options_of(ReadingOptions))
    assert list(OptionWords.__annotations__) == names
    assert [field.name for field in fields(Options)] == [*names, "wanted", "wanted_depth"]


def test_the_keywords_of_reading_take_the_choices_of_the_definitions():
    def choices(annotation):
        forms = [annotation, *get_args(annotation)]
        return {word for form in forms if get_origin(form) is Literal for word in get_args(form)}

    for name, defined in options_of(ReadingOptions).items():
        assert choices(OptionWords.__annotations__[name]) == set(defined.choices), name


def test_settings_have_the_names_defaults_and_bounds_of_the_definitions():
    options = options_of(TrainingOptions)
    assert list(Settings.model_fields) == list(options)
    assert Settings().to_json() == {name: defined.default for name, defined in options.items()}
    for name, defined in options.items():
        for bound, limit in defined.bounds.items():
            step = -1 if bound in ("ge", "gt") else 1
            with pytest.raises(ist.IsthmusError, match=name):
                Settings(**{name: limit + step})


def test_opening_data_has_the_names_and_defaults_of_the_definitions():
    python = inspect.signature(ist.open_data).parameters | inspect.signature(ist.read_samples).parameters
    for name, defined in options_of(DivisionOptions).items():
        assert python[name].default in (defined.default, None), name  # None: by the source, or else the default


@pytest.mark.parametrize("command", STUDIES)
def test_studies_have_the_names_and_defaults_of_the_definitions(command):
    python = inspect.signature(STUDIES[command]).parameters
    seeds = next(parameter for parameter in COMMANDS[command].params if parameter.name == "seeds")
    assert set(options_of(StudyOptions)) <= set(python)
    assert python["jobs"].default == StudyOptions.jobs
    assert seeds.help.endswith(f"[default: {python['seeds'].default}]")
    assert f"{python['seeds'].default} in {command}" in options_of(StudyOptions)["seeds"].option.default


def test_what_is_chosen_where_the_epochs_are_left_open_says_so():
    assert {name for name, one in options_of(TrainingOptions).items() if one.option.chosen} == set(OPEN)


@pytest.mark.parametrize("defined", DEFINED)
def test_commands_have_the_option_with_its_help_and_default(defined):
    commands = offered(defined)
    assert bool(commands) == defined.option.offered
    for command, parameter in commands.items():
        assert parameter.default is None or parameter.default == defined.default
        if defined.option.short:
            assert defined.option.short in parameter.opts
        own = command == "resume" or defined.name in ("epochs", "out", "seeds")
        words = [defined.default_words(chosen=chosen) for chosen in (False, True)]
        defaults = {f" [default: {in_our_words(one)}]" if one else "" for one in words}
        assert own or parameter.help.removeprefix(in_our_words(defined.option.help)) in defaults


@pytest.mark.parametrize("defined", DEFINED)
def test_help_names_every_choice_and_stands_under_a_heading(defined):
    option = defined.option
    assert option.help.endswith(".")
    assert option.group in GROUPS
    if option.metavar and defined.number is None:
        assert all(choice in option.help for choice in defined.choices)


def test_every_word_of_a_definition_on_the_command_line_is_one_of_the_definitions():
    words = {one.word for cls in CLASSES for one in options_of(cls).values()}
    for name in ("train", "sweep", "compare", "pretrain", "evaluate"):
        for parameter in COMMANDS[name].params:
            assert parameter.rich_help_panel not in GROUPS or parameter.name in words


@pytest.mark.parametrize("command", USES)
def test_a_commands_own_options_have_the_defaults_of_python(command):
    python = inspect.signature(USES[command]).parameters
    for parameter in COMMANDS[command].params:
        if parameter.name in python and parameter.default is not None:
            default = python[parameter.name].default
            default = ",".join(map(str, default)) if isinstance(default, tuple) else default
            assert default in (parameter.default, None, inspect.Parameter.empty), parameter.name
