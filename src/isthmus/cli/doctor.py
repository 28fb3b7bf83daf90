"""The command `doctor`: the problems of a run, and their cures."""

import typer

from isthmus.cli import options
from isthmus.cli.console import number, say, say_json, working
from isthmus.cli.wording import in_our_words


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(rich_help_panel=options.LOOK, epilog="Example: `isthmus doctor runs/digits`")(doctor)


def doctor(
    run: options.Folder, device: options.Device = "auto", quiet: options.Quiet = False, json: options.Json = False
) -> None:
    """Find the problems of a run (copying, dead units, overfitting, a poor learning rate, …) and suggest cures.

    Each finding comes with its measured number, the limit for a healthy model, and a command to try. The report shows
    the findings with pictures.
    """
    from isthmus.doctor import CHECKS, diagnose

    with working(f"examining {run}", quiet=quiet):
        found = diagnose(options.open_run(run, device))
    if json:
        say_json([finding.to_json() for finding in found])
        return
    for finding in found:
        measured = f"{number(finding.number)} {finding.unit} (healthy: {finding.healthy} {finding.limit:g})"
        say(f"{finding.name} ({finding.severity}): {finding.words}", f"  {measured}")
        say(f"  Cure: {in_our_words(finding.cure)}", *([f"  Try:  {finding.command}"] if finding.command else []), "")
    if not found:
        say(f"All is well: none of {len({check.name for check in CHECKS})} checks found anything.")
