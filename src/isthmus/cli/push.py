"""The command `push`: a run into a model repository on the Hugging Face Hub."""

from typing import Annotated

import typer

from isthmus.cli import options
from isthmus.cli.console import say, say_json, working
from isthmus.cli.option_groups import switch


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.USE, epilog="Example: `isthmus push runs/digits name/digits --private`")(push)


def push(
    run: options.Folder,
    repository: Annotated[
        str, typer.Argument(metavar="NAME/REPO", help="The repository; it is created if necessary.", show_default=False)
    ],
    *,
    private: Annotated[
        bool | None,
        typer.Option(
            "--private/--public",
            metavar="",
            help="Whether a new repository is private. [default: as the Hub decides for you]",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="HF_TOKEN",
            help="Your token. Other users of this machine can read it on the command line, so set the environment "
            "variable instead. [default: your login, `hf auth login`]",
            show_default=False,
        ),
    ] = None,
    license: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The model's license, for the card: apache-2.0.", show_default=False),
    ] = None,
    no_pictures: Annotated[
        bool,
        switch("--no-pictures", help="Leave samples and their reconstructions out of the card."),
    ] = False,
    message: Annotated[str, typer.Option(metavar="TEXT", help="The message of the commit.")] = "Add the run",
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Push a run to the Hugging Face Hub, with a model card, and print its address.

    The repository gets the run's safetensors and JSON files, and no training data. `hf://NAME/REPO` then stands for the
    run in all commands that read one.
    """
    loaded = options.open_run(run)
    with working(f"pushing to {repository}", quiet=quiet):
        address = loaded.push_to_hub(
            repository, private=private, token=token, license=license, pictures=not no_pictures, message=message
        )
    if json:
        say_json({"address": address, "repository": repository})
        return
    say(address)
    if not quiet:
        say(f"Load it with ist.load('hf://{repository}'), or name hf://{repository} in a command.")
