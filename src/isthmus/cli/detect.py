"""The command `detect`: which samples are unlike those of the training."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from isthmus.cli import data_options, options, parsing
from isthmus.cli.console import counted, number, say, say_json, say_table, tell_skipped, working
from isthmus.cli.option_groups import ranged
from isthmus.errors import DataError
from isthmus.formatting import percent

if TYPE_CHECKING:
    from torch import Tensor

    from isthmus.data import Samples
    from isthmus.uses.detect import Detection
    from isthmus.uses.explanations import Explanations
    from isthmus.uses.steps import Steps


CALLED = {"likelihood": "−log p(x)", "unexplained": "unexplained share", "combined": "combined score"}
"""What a score is called where its own name won't do: of the likelihood, the more likely, the smaller."""
MOST_STRETCHES = 5
_FURTHEST = "reasons: given → expected (share of the score)"
_FURTHEST_CHANNELS = "furthest off: given → reconstructed (share of the window's error in that channel)"


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        rich_help_panel=options.USE,
        epilog="Example: `isthmus detect runs/digits new.npy scores.csv --by distance --picture odd.png`",
    )(detect)


@data_options.reads(*data_options.READING, "part")
def detect(
    run: options.Runs,
    source: options.Source,
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="TARGET",
            help="The file to write every sample's score to: .csv, .tsv, .parquet, .npy, .npz.",
            show_default=False,
        ),
    ] = None,
    *,
    read_options: data_options.ReadOptions,
    by: Annotated[
        options.Score,
        typer.Option(
            metavar="SCORE",
            help="The anomaly score: auto (centre for a one-class code, combined for other tables and recordings, "
            "error for the rest), error (of the "
            "reconstruction), unexplained (the error as a share of the sample's own variance, for pictures and "
            "series), likelihood (−log p(x), for a VAE), distance (of the code from the training codes, by their "
            "covariance), neighbours (distance of the code from the 5 nearest training codes), centre (distance of a "
            "one-class code from its centre), prototypes (distance "
            "from the nearest of a few training samples, over many random draws) or combined (the same, with the "
            "distance from the reconstruction, for tables and series).",
        ),
    ] = "auto",
    clean: Annotated[
        bool,
        typer.Option(
            "--clean",
            help="Say so if the training data have no anomalies: prototypes and combined then follow them more "
            "closely.",
        ),
    ] = False,
    quantile: Annotated[
        float,
        ranged(
            kind=float,
            metavar="X",
            ge=0,
            le=1,
            help="The share of the run's own samples whose score lies below the threshold.",
        ),
    ] = 0.99,
    draws: Annotated[int, ranged(ge=1, le=10**6, help="Draws per sample for the likelihood; 1 gives the ELBO.")] = 16,
    explained_rows: Annotated[
        Literal["all", "anomalous", "none"],
        typer.Option(
            "--explain",
            metavar="ROWS",
            help="The rows of a table that TARGET explains: all, anomalous or none. All but the anomalous ones are "
            "searched quickly, and have one reason at most.",
        ),
    ] = "all",
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="HTML",
            help="Write a page with the distribution of the scores and the most anomalous samples, explained.",
            show_default=False,
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="Draw the most anomalous samples and mark their anomalous places.",
            show_default=False,
        ),
    ] = None,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Find the samples of SOURCE that are unlike those of the training, and show what is anomalous about them.

    A sample is anomalous if its score is above the threshold: by default, higher than the scores of 99 % of the run's
    validation part, or of its training part if it has no validation part. Samples are counted from 0, and the scores
    keep the order of SOURCE.

    For tables, TARGET explains each row: the columns that are to blame for its score, their values, the values that the
    model expects there, and the share of the score that goes away with the correction, at most 100 % in all. The share
    is of the score's excess over that of a usual row (the median of the run's own). For an anomalous row, the
    counterfactual is the change that makes it normal.

    A model of recordings scores windows, named after their first time step, and every time step: TARGET then has a row
    for each row of SOURCE, with its time stamp, its score, the mean score of the windows that contain it, and the error
    of each channel. Steps that no window contains are empty. `--picture` shows the recording over time with its scores.

    Of an ensemble, the score is the mean of its runs' scores, each in units of its own usual ones: 0 is usual, and 1 is
    the score that nine tenths of the run's own samples stay below. TARGET has one more column, `spread`: how far the
    runs disagree.

    A model of patches scores whole pictures tile by tile. Each tile is a sample, named after its picture and the row
    and column of its first pixel, and `--picture` maps the pictures with the most anomalous tiles.
    """
    if target is not None and target.suffix.lower() not in (".csv", ".tsv", ".parquet", ".npy", ".npz"):
        raise DataError(f"{target}: scores are numbers. Give a name that ends in .csv, .tsv, .parquet, .npy or .npz.")
    if picture is not None:
        parsing.ending(picture, ".png", called="--picture")
    if page is not None:
        parsing.ending(page, ".html", called="--page")
    from contextlib import nullcontext

    import torch

    from isthmus.data import open_writer
    from isthmus.data.write import write_rows
    from isthmus.uses.detect import detect as use
    from isthmus.uses.explanations import over

    loaded = options.open_runs(run, device)
    options.make_way(*filter(None, (target, picture, page)), force=force, source=source)
    with working(f"reading {source}", quiet=quiet):
        timewise = loaded.recordings(source, **read_options)
    writing = nullcontext()
    if target is not None and timewise is None:
        columns = ("score", "anomalous", *(["spread"] * hasattr(loaded, "members")))
        writing = open_writer(target, columns=columns, overwrite=force)
    with counted("scoring", quiet=quiet) as progress, writing as put:
        done = 0

        def each(
            piece: "Samples",
            scores: "Tensor",
            threshold: float,
            explained: "Explanations | None" = None,
            spread: "Tensor | None" = None,
        ) -> None:
            nonlocal done
            if put is not None:
                after = None if explained is None else explained.table()
                columns = (scores, over(scores, threshold).double(), *(() if spread is None else (spread,)))
                put(torch.stack(columns, 1), piece.names, piece.unused, after)
            done += len(scores)
            progress(done, None)

        given = source if timewise is None else timewise
        which = "none" if target is None and page is None else "anomalous" if target is None else explained_rows
        how = {"quantile": quantile, "draws": draws, "clean": clean, "explain": which}
        found = use(loaded, given, by, each=each, **how, **read_options)
    if target is not None and found.steps is not None:
        write_rows(target, found.steps.table(), overwrite=force)
    if picture is not None:
        _draw(picture, found)
    if page is not None:
        from isthmus.uses.detect_page import write_page

        assert found.run is not None
        write_page(page, found.run, found, source=str(source))
    if json:
        say_json(found.to_json())
    else:
        _tell(found)
        say(*(str(path) for path in (target, picture, page) if path is not None))
    tell_skipped(found)


def _draw(path: Path, found: "Detection") -> None:
    """The picture of the most anomalous samples."""
    from isthmus.drawing.theme import write_png
    from isthmus.uses.detect import draw_most_anomalous, draw_places
    from isthmus.uses.step_pictures import draw_steps

    run = found.run
    assert run is not None
    cells = [one.columns for one in found.most_anomalous]
    titles = [number(one.score) for one in found.most_anomalous]
    if found.steps is not None:
        figure = draw_steps(run, found.steps)
    elif found.tile is None:
        figure = draw_most_anomalous(run.model, found.samples, titles, cells=cells)
    else:
        figure = draw_places(found, run.model.scaling)
    write_png(path, figure)


def _tell(found: "Detection") -> None:
    """The count, the threshold and the most anomalous samples."""
    anomalous, count = int(found.anomalous.sum()), len(found.scores)
    seen = " (the model was trained on them: keep a validation part for a fair one)" if found.part == "train" else ""
    called = CALLED.get(found.by, found.by)
    samples = "samples" if found.tile is None else f"tiles of {found.tile[0]} × {found.tile[1]} pixels"
    samples = "windows" if found.steps is not None else samples
    say(
        f"{anomalous:,} of {count:,} {samples} are anomalous ({percent(anomalous / count)}): their {called} is over "
        f"{number(found.threshold)}, which {percent(found.quantile)} of the {found.part} part stay below{seen}."
    )
    if found.steps is not None:
        _tell_steps(found.steps)
    head = [
        "sample" if found.steps is None else "window",
        called,
        *(["±"] * (found.spread is not None)),
        *(["name"] if any(one.name for one in found.most_anomalous) else []),
    ]
    tables = any(one.columns for one in found.most_anomalous)
    rows = []
    for one in found.most_anomalous:
        row = [str(one.sample), number(one.score) if math.isfinite(one.score) else "not finite"]
        row += [] if one.spread is None else [number(one.spread)]
        row += [one.name] if "name" in head else []
        off = [
            f"{cell.column} {_cell(cell.given)} → {_cell(cell.expected)} ({percent(cell.share, 0)})"
            for cell in one.columns
        ]
        rows.append([*row, "; ".join(off)] if tables else row)
    say_table(
        [
            *head,
            *([_FURTHEST if found.steps is None else _FURTHEST_CHANNELS] if tables else []),
        ],
        rows,
        title="The most anomalous" if found.steps is None else "The most anomalous windows",
    )


def _tell_steps(steps: "Steps") -> None:
    """The number of anomalous time steps, and the worst stretches of them."""
    facts = steps.to_json()
    say(
        f"{facts['anomalous']:,} of {facts['scored']:,} time steps are anomalous: their own score is over "
        f"{number(steps.threshold)}."
    )
    unscored = facts["count"] - facts["scored"]
    if unscored:
        say(f"{unscored:,} time steps have no score, because no window contains them.")
    spans = steps.spans(MOST_STRETCHES)
    several = steps.timewise.recordings.count > 1
    rows = [[*([one.recording] * several), one.first, one.last, one.worst, number(one.score)] for one in spans]
    if rows:
        head = [*(["recording"] * several), "first step", "last step", "worst step", "its score"]
        say_table(head, rows, title="The most anomalous stretches")


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else number(value)
