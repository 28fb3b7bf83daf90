"""The command `map`: a picture of the data from their codes."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import number, say, say_json, say_table, working
from isthmus.cli.option_groups import ranged


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        "map", rich_help_panel=options.LOOK, epilog="Example: `isthmus map runs/digits --way tsne --out digits.html`"
    )(map_codes)


@data_options.reads(*data_options.READING, "part")
def map_codes(
    run: options.Folder,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="The data to map. [default: those of the run]", show_default=False),
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    way: Annotated[
        Literal["auto", "code", "pca", "tsne", "umap"],
        typer.Option(
            metavar="METHOD",
            help="How codes become points: code (its two dimensions as they are), pca (two principal components), "
            "tsne or umap (which keep neighbours together; umap needs `pip install isthmus[map]`). auto takes code if "
            "it has two dimensions, else tsne.",
        ),
    ] = "auto",
    most: Annotated[int, ranged(ge=4, help="Samples on the map, at most.")] = 2000,
    across: Annotated[
        int, ranged(ge=0, le=options.MOST_STEPS, help="Decoded points along each side; 0 for none.")
    ] = 12,
    seed: Annotated[int, ranged(ge=0, lt=2**32, help="The seed of t-SNE and UMAP.")] = 0,
    colour: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Colour the picture by a column of a table, or by the reconstruction error, `error`. The page has all "
            "of them.",
            show_default="the label",
        ),
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="The file to write: a picture, `.png`, or an interactive page, `.html`. You may repeat it. [default: "
            "map.png and map.html in RUN]",
            show_default=False,
        ),
    ] = None,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Draw a map of the data by their codes, as a picture and as an interactive page.

    Decoded points between the samples show what the model makes of the space between them. The table shows how far you
    can trust the map, compared with the first two principal components of the data.
    """
    targets = [parsing.ending(target, ".png", ".html") for target in out or (run / "map.png", run / "map.html")]
    found = options.open_run(run, device)
    options.make_way(*targets, force=force)
    from isthmus.drawing.theme import write_png
    from isthmus.uses.map import behind_words
    from isthmus.uses.map import map_codes as use

    with working("mapping", quiet=quiet):
        made = use(found, source, way=way, most=most, across=across, seed=seed, **read_options)
        for target in targets:
            if target.suffix.lower() == ".png":
                write_png(target, made.draw(by=colour))
            else:
                made.write_page(target)
    if json:
        say_json(made.to_json() | {"files": list(map(str, targets))})
        return
    if not quiet:
        rivals = (made.quality, made.beside)
        rows = [["trustworthiness", *(number(rival.trustworthiness) for rival in rivals)]]
        if made.quality.knn_accuracy is not None:
            rows.append(["k-NN accuracy", *(number(rival.knn_accuracy) for rival in rivals)])
        say_table(["", f"this map ({made.projection.way})", "PCA of the data"], rows, right=True)
        if behind := behind_words(made):
            say(behind)
        if across and made.why_no_plane:
            say(f"What lies between is left out: {made.why_no_plane}")
    say(*map(str, targets))
