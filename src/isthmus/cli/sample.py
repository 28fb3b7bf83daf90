"""The command `sample`: new samples of a trained model, and how good they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from isthmus.cli import options
from isthmus.cli.console import counted, number, say, say_json, say_table, working
from isthmus.cli.option_groups import ranged, switch
from isthmus.errors import DataError

if TYPE_CHECKING:
    from isthmus.run import Run
    from isthmus.uses.judge import Judgement
    from isthmus.uses.sample import Drawn

PICTURE = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_SAMPLER = "How the codes are drawn"


SHOWN = 10
"""Drawn texts that are printed."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this file to `app`."""
    app.command(
        rich_help_panel=options.USE,
        epilog="Example: `isthmus sample runs/digits -n 64 samples.png --way mixture --judge`",
    )(sample)


def sample(
    run: options.Folder,
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="TARGET",
            help="The file to write: a .png shows all samples in one sheet; a folder or .zip of pictures, .csv, "
            ".parquet, .npy or .npz holds them one by one. [default: samples.png in RUN; samples.csv for tables]",
            show_default=False,
        ),
    ] = None,
    *,
    count: Annotated[int, ranged("--count", "-n", ge=1, help="How many samples to draw.")] = 64,
    way: Annotated[
        Literal["auto", "prior", "gaussian", "mixture", "neighbours", "sequences"],
        typer.Option(
            metavar="METHOD",
            rich_help_panel=_SAMPLER,
            help="Draw codes from the model's prior, or from a distribution fitted to the codes of the training part: "
            "gaussian (one Gaussian), mixture (several) or neighbours (between neighbouring codes). sequences, for "
            "quantised codes, fits a small transformer to their indices, once, and keeps it in RUN. auto takes the "
            "prior if the model has one; with `--label`, for models that take no labels, the mixture.",
        ),
    ] = "auto",
    label: Annotated[
        str | None, typer.Option(metavar="NAME", rich_help_panel=_SAMPLER, help="Draw samples of this class only.")
    ] = None,
    components: Annotated[int, ranged(metavar="K", ge=1, panel=_SAMPLER, help="Gaussians in the mixture.")] = 10,
    temperature: Annotated[
        float,
        ranged(
            kind=float,
            metavar="T",
            ge=0,
            panel=_SAMPLER,
            help="For models of text or music: 0 writes the most likely tokens, 1 draws each from its probability. For "
            "sequences: below 1 draws more likely indices. For diffusion decoders: 1 starts each from its own noise.",
        ),
    ] = 0.0,
    top_p: Annotated[
        float,
        ranged(
            kind=float,
            metavar="P",
            gt=0,
            le=1,
            panel=_SAMPLER,
            help="With a temperature or sequences: draw only from the most likely tokens or indices that together have "
            "this probability.",
        ),
    ] = 1.0,
    seed: Annotated[int, ranged(help="The seed of the draws.", ge=0, lt=2**63 - 1)] = 0,
    judge: Annotated[
        bool,
        switch(
            "--judge",
            help="Print how good the draws are, compared with real samples: precision, recall, density, coverage, "
            "Fréchet distance, and log p(x) if the model has a likelihood. It judges as many draws as the test part "
            "has samples, at most 5,000, whatever `--count` is.",
        ),
    ] = False,
    device: options.Device = "auto",
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Draw new samples from a trained model, and judge them if you ask for it."""
    loaded = options.open_run(run, device)
    import torch

    from isthmus.uses.sample import label_number, source_of

    if label is not None:
        label_number(loaded, label)
    if target is None:
        target = run / _usual(loaded.description)
    options.make_way(target, force=force)
    words = {"components": components, "seed": seed, "temperature": temperature, "top_p": top_p}
    with counted("fitting", quiet=quiet) as progress:
        source = source_of(loaded, way=way, label=label, progress=progress, **words)
    with working("drawing", quiet=quiet):
        made = source.draw(count, torch.Generator().manual_seed(seed))
        _write(loaded, target, made, force)
    if not json:
        _show_texts(loaded, made, quiet)
        say(str(target))
    found = None
    if judge:
        from isthmus.uses.judge import judge as judge_draws

        with counted("training a classifier to judge by", quiet=quiet) as progress:
            found = judge_draws(loaded, source, seed=seed, progress=progress)
        if not json:
            _tell(found)
    if json:
        told: dict[str, Any] = {"path": str(target), "count": count, "way": made.way, "label": label}
        say_json(told | ({"judgement": found.to_json()} if found else {}))


def _usual(description: dict[str, Any]) -> str:
    """The file that is written by default."""
    from isthmus.data.media.medium import medium_of

    medium = medium_of(description)
    if medium is not None and medium.together:
        return f"samples{medium.suffixes[0]}"
    return "samples.csv" if description["kind"] == "table" else "samples.png"


def _show_texts(run: "Run", made: "Drawn", quiet: bool) -> None:
    """The first samples in words, if they are tokens."""
    from isthmus.data.media.medium import medium_of

    medium = medium_of(run.description)
    if medium is not None and medium.tokens and not quiet:
        say(*medium.words(made.values[:SHOWN]))


def _write(run: "Run", target: Path, made: "Drawn", force: bool) -> None:
    """One sheet of all where the target is a picture, else each by itself."""
    from isthmus.data import write_samples

    kind, like = run.description["kind"], run.description
    sheet = target.suffix.lower() in PICTURE and not target.is_dir()
    if not sheet or (kind == "pictures" and len(made.values) == 1):
        write_samples(target, made.values, like=like, overwrite=force)
        return
    if kind == "pictures":
        from isthmus.data.write_pictures import as_bytes
        from isthmus.drawing.draws import mosaic

        board = mosaic(as_bytes(made.values.numpy(), like, str(target)))
        write_samples(target, board[None], overwrite=force)
        return
    if kind == "table":
        raise DataError(f"Rows of a table make no sheet of pictures: write them as .csv or .parquet, not as {target}.")
    from isthmus.drawing.theme import LIGHT
    from isthmus.storage.files import write_whole
    from isthmus.uses.sample import draw

    figure = draw(run, made, theme=LIGHT)
    write_whole(target, lambda conditioning: figure.savefig(conditioning, facecolor=LIGHT.paper))


def _tell(found: "Judgement") -> None:
    """The judgement as a table and lines."""
    columns = [("draws", found.draws)] + ([("training samples", found.data)] if found.data else [])
    rows = [
        [name, *(number(getattr(of, field)) for _, of in columns)]
        for name, field in (
            ("precision", "precision"),
            ("recall", "recall"),
            ("density", "density"),
            ("coverage", "coverage"),
            ("Fréchet distance", "frechet"),
        )
    ]
    if found.sharpness:
        of_draws, of_data = found.sharpness
        rows.append(["gradient energy", number(of_draws), *([number(of_data)] if found.data else [])])
    title = f"{found.draws.draws} draws to judge by ({found.way}) against {found.draws.real} of the {found.part} part"
    say_table(["", *(name for name, _ in columns)], rows, title=title, right=True)
    say(f"Features: {found.features}. Neighbours: {found.draws.neighbours}.")
    if found.likelihood is not None and found.bits is not None:
        say(
            f"log p(x): {found.likelihood.mean:.2f} ± {found.likelihood.standard_error:.2f} nats (standard error), "
            f"{found.bits:.3f} bits a number, of {len(found.likelihood.per_sample)} samples by importance weighting."
        )
