"""The command `export`: parts of a run as files for other programs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from isthmus.cli import options, parsing
from isthmus.cli.console import number, say, say_json, working
from isthmus.cli.option_groups import ranged, switch


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        rich_help_panel=options.USE,
        epilog="Example: `isthmus export runs/digits exported --part encoder --part score --example`",
    )(export)


def export(
    run: options.Folder,
    target: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to write, which is created.", show_default=False)
    ],
    *,
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            callback=parsing.names,
            help="encoder (samples to codes), decoder (codes to samples), model (samples to reconstructions) or score "
            "(samples to anomaly scores). You may repeat it. [default: model]",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        Literal["onnx", "torch-export", "safetensors+json"],
        typer.Option(
            metavar="FORMAT",
            help="onnx; torch-export, for `torch.export.load`; or safetensors+json, the weights and the blueprint of "
            "the whole model.",
        ),
    ] = "onnx",
    opset: Annotated[int | None, ranged(help="The opset of the ONNX file. [default: 18]")] = None,
    draws: Annotated[
        bool,
        switch("--draws", help="Let encoder and model take noise, with which a VAE's code is drawn around its mean."),
    ] = False,
    int8: Annotated[
        bool,
        switch("--int8", help="Compute products and convolutions with bytes, and state how much the results differ."),
    ] = False,
    by: Annotated[
        options.Score,
        typer.Option(metavar="SCORE", help="Which score, as for `isthmus detect`."),
    ] = "auto",
    example: Annotated[
        bool, switch("--example", help="Add programs in Python, C++ and JavaScript, and four samples for them.")
    ] = False,
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Export parts of a model for other programs: raw samples in, results in raw units out.

    Each part is first run on real samples of the run's data, and is written only if it agrees with the run. The JSON
    file next to it has the names, types and shapes of its inputs and outputs, classes, columns and the threshold of the
    score; in an ONNX file, they are also in its metadata.
    """
    loaded = options.open_run(run)
    options.make_way(target, force=force)
    from isthmus.exporting import export as export_run

    with working("exporting", quiet=quiet):
        found = export_run(
            loaded,
            target,
            part or ["model"],  # pyright: ignore[reportArgumentType] Python names a wrong one
            format=format,
            opset=opset,
            draws=draws,
            int8=int8,
            by=by,
            example=example,
            overwrite=force,
        )
    if json:
        say_json(found.to_json())
        return
    say(*(str(found.folder / name) for name in found.files))
    for name, facts in found.parts.items() if not quiet else ():
        checked = facts["checked"]
        say(
            f"{name}: differs from the run's own by at most {number(checked['largest_difference'])} of the data's "
            f"range, {number(checked['mean_difference'])} on average ({checked['samples']} samples)."
        )
