"""Which commands there are; each is loaded only when it is used, so that the list itself comes at once."""

import importlib
from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

import typer

from isthmus.cli.help import Help, Line

MAKE, LOOK, USE = "Make a model", "Look at it", "Use it"
"""The headings of the list."""


class Row(NamedTuple):
    """A command in the list: its name, its file in `isthmus.cli`, its heading, and the first line of its help."""

    name: str
    module: str
    heading: str
    summary: str


ROWS = (
    Row(
        "train", "train", MAKE, "Train an autoencoder on SOURCE, save it in a folder, and compare its error with PCA's."
    ),
    Row(
        "resume",
        "train",
        MAKE,
        "Continue a training that was stopped or killed. The result is the same as without the interruption.",
    ),
    Row("evaluate", "judge", LOOK, "Measure how well a run reconstructs, compared with the mean and with PCA."),
    Row(
        "report",
        "judge",
        LOOK,
        "Write an HTML page: loss curves, reconstructions, best and worst samples, errors, a map of the codes.",
    ),
    Row(
        "doctor",
        "doctor",
        LOOK,
        "Find the problems of a run (copying, dead units, overfitting, a poor learning rate, …) and suggest cures.",
    ),
    Row("reconstruct", "use", USE, "Encode and decode every sample of SOURCE, and write the reconstructions."),
    Row("encode", "use", USE, "Write the code of every sample of SOURCE, one per row."),
    Row(
        "decode",
        "use",
        USE,
        "Decode codes, as `encode` writes them; with `--label`, for a model that is conditioned on labels.",
    ),
    Row(
        "compress",
        "codec",
        USE,
        "Compress every sample of SOURCE into one file, with any model that can decode its code.",
    ),
    Row("decompress", "codec", USE, "Write the samples of a compressed file, in the format of TARGET's suffix."),
    Row(
        "codec-info", "codec", LOOK, "Show what a compressed file holds, and which run it needs. The run isn't loaded."
    ),
    Row(
        "detect",
        "detect",
        USE,
        "Find the samples of SOURCE that are unlike those of the training, and show what is anomalous about them.",
    ),
    Row("drift", "drift", USE, "Find out whether SOURCE still looks like the data that the model was trained on."),
    Row(
        "restore",
        "restore",
        USE,
        "Repair pictures or sound with a model that was trained on damaged ones: denoise, fill, colour, enlarge, "
        "sharpen.",
    ),
    Row("search", "search", USE, "Find the samples of SOURCE that are most similar to those of QUERY, by their codes."),
    Row("blend", "blend", USE, "Blend one sample into another, by mixing their values and by mixing their codes."),
    Row(
        "traverse",
        "traverse",
        LOOK,
        "Change one latent dimension at a time, with the others fixed, and show what each does.",
    ),
    Row(
        "disentangle",
        "disentangle",
        LOOK,
        "Measure how well each latent dimension follows one of the factors that the data were made from.",
    ),
    Row("map", "map", LOOK, "Draw a map of the data by their codes, as a picture and as an interactive page."),
    Row(
        "latents",
        "latents",
        LOOK,
        "Show how many latent dimensions of RUN are active for each sample, how many are dead, and what activates "
        "them.",
    ),
    Row("sample", "sample", USE, "Draw new samples from a trained model, and judge them if you ask for it."),
    Row(
        "export",
        "export",
        USE,
        "Export parts of a model for other programs: raw samples in, results in raw units out.",
    ),
    Row(
        "serve",
        "serve",
        USE,
        "Serve a run over HTTP: codes, reconstructions, anomaly scores, new samples and restored ones for other "
        "programs.",
    ),
    Row("push", "push", USE, "Push a run to the Hugging Face Hub, with a model card, and print its address."),
    Row(
        "sweep",
        "experiments",
        MAKE,
        "How large must the code be? Train one model with several code sizes, and compare them with PCA.",
    ),
    Row(
        "compare",
        "experiments",
        MAKE,
        "Which model is best? Train several on the same data with the same budget, each from several seeds.",
    ),
    Row(
        "pretrain",
        "experiments",
        USE,
        "Is pretraining worth it? Learn labels from few samples, with a run's encoder and from scratch.",
    ),
    Row(
        "tune",
        "tune",
        MAKE,
        "Which options are best? Search them with Optuna for the smallest error on the validation part.",
    ),
    Row(
        "recipes",
        "info",
        MAKE,
        "List the named models, describe one with its options and its source, or suggest one for a purpose.",
    ),
    Row(
        "formats",
        "info",
        MAKE,
        "List the formats of data: what each becomes, whether it is also written, and what it needs.",
    ),
    Row(
        "info",
        "info",
        LOOK,
        "Describe a run: the model layer by layer, the data, the course of the training, the files.",
    ),
    Row("inspect", "inspection", LOOK, "Show what SOURCE holds and how it would be read, without training anything."),
)


class Commands(MutableMapping[str, Any]):
    """The commands by their names, in the order of the list."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {row.name: None for row in ROWS}
        self._modules = {row.name: row.module for row in ROWS}

    def __getitem__(self, name: str) -> Any:
        if self._loaded[name] is None:
            self._loaded |= load(self._modules[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)


def load(module: str) -> dict[str, Any]:
    """The commands in a file of `isthmus.cli`, by their names."""
    part = typer.Typer(callback=lambda: None)
    importlib.import_module(f"isthmus.cli.{module}").add_to(part)
    for command in part.registered_commands:
        command.cls = Help
    group: Any = typer.main.get_command(part)
    return dict(group.commands)


def boxes() -> list[tuple[str, list[Line]]]:
    """The list as help shows it, without loading the commands."""
    widest = max(len(row.name) for row in ROWS)
    shown: dict[str, list[Line]] = {}
    for row in ROWS:
        shown.setdefault(row.heading, []).append(Line([(row.name.ljust(widest), "name")], row.summary))
    return list(shown.items())
