"""What a proof works with: data, runs that are resumed where they were cut, rows of numbers, and pictures."""

import io
import sys
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from matplotlib.figure import Figure
from PIL import Image, ImageOps

import isthmus as ist
from benchmarks.digits import find_file
from isthmus.fitting import fit_once
from isthmus.fitting_checks import same_blueprint
from isthmus.model.recipes import RECIPES
from isthmus.parts import Dense, TopK
from isthmus.parts.codes.code import LEFT_OPEN
from isthmus.run import environment
from isthmus.storage.checked import read_json
from isthmus.storage.files import whole_file, write_json

STAND_IN = "digits"
"""The bundled digits, 8 × 8, where the real ones are not at hand."""


@dataclass(frozen=True)
class Row:
    """One number of a proof.

    number: what it is, with its unit. it, beside: of the variety or use, and of what it is held against: the plain
    model with the same network and budget, or a simple baseline. asked: what it should be, in words. reached: whether
    it is; None where it is only stated.
    """

    number: str
    it: float
    beside: float | None = None
    asked: str = ""
    reached: bool | None = None

    @classmethod
    def at_most(cls, number: str, it: float, limit: float, why: str = "", beside: float | None = None) -> Self:
        """A number that should not be above the limit; `why` says where the limit comes from."""
        return cls(number, it, beside, _asked("≤", limit, why), bool(it <= limit))

    @classmethod
    def at_least(cls, number: str, it: float, limit: float, why: str = "", beside: float | None = None) -> Self:
        """A number that should not be below the limit."""
        return cls(number, it, beside, _asked("≥", limit, why), bool(it >= limit))


def documented(name: str, **options: Any) -> ist.Blueprint:
    """The recipe with the sizes of its summary, which are those of MNIST, where it leaves them to the data."""
    blueprint = ist.recipe(name)
    code, network = blueprint.code, blueprint.network
    sizes: dict[str, Any] = {"code": code.most} if code.size in LEFT_OPEN else {}
    if isinstance(code, TopK) and code.k == "auto":
        sizes["k"] = code.most_k
    if isinstance(network, Dense):
        sizes["widths"] = network.hidden
    return ist.recipe(name, **sizes | options)


@dataclass
class Bench:
    """Where one proof works. Everything of it lies in `folder` under its name.

    epochs: the budget of each model. again: train anew what is there already.
    """

    name: str
    folder: Path
    epochs: int
    again: bool = False
    data: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)

    def open(self, file: str = "mnist.npz", stand_in: Any = STAND_IN, **options: Any) -> ist.Data:
        """Real data from $ISTHMUS_DATA or ../shared/data, MNIST unless another file is named; else the stand-in.

        Nothing is kept for validation unless `options` (see `open_data`) say so: the whole training part is trained on.
        """
        path = find_file(file)
        data = ist.open_data(stand_in if path is None else path, **{"validation": 0} | options)
        title = path.name if path else f"{stand_in if isinstance(stand_in, str) else 'made up'}, for want of {file}"
        told = f"{title}: {len(data.train):,} to train, {len(data.test):,} to test"
        self.data += [told] if told not in self.data else []
        return data

    def train(
        self, title: str, model: ist.Blueprint | ist.Autoencoder, data: ist.Data, *, seed: int = 0, **settings: Any
    ) -> ist.Run:
        """Train a model, or go on where that was cut, or take what is there: a run in `folder`/`name`/`title`.

        What is there is taken only if it is of the same blueprint, data and settings.

        Raises:
            KeyboardInterrupt: somebody ended it; all is saved.
        """
        if isinstance(model, ist.Blueprint):
            model = model.build(data, seed=seed, remarks=False)
        folder = self.folder / self.name / title
        settings = {"epochs": self.epochs, "seed": seed} | settings
        train = partial(ist.fit, overwrite=True) if self.again else fit_once
        run = train(model, data, out=folder, progress=sys.stderr.isatty(), **settings)
        if run.status == "interrupted":
            raise KeyboardInterrupt
        run.model.eval()
        return run

    def draw(self, figure: Figure, title: str = "") -> None:
        """Write a figure as a small PNG, `folder`/`name`.png, or `name`-`title`.png where there are several."""
        path = self.folder / f"{self.name}{title and '-'}{title}.png"
        memory = io.BytesIO()
        figure.savefig(memory, format="png", dpi=150, facecolor="white", bbox_inches="tight", pad_inches=0.05)
        whole = Image.open(memory).convert("RGB")
        # panels that keep their shape leave bands of paper above and below them
        whole = ImageOps.expand(whole.crop(ImageOps.invert(whole).getbbox()), 8, "white")
        # by how many pixels have it alone, a colour of few thin marks would be lost among greys
        few = whole.quantize(128, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
        with whole_file(path) as beside:
            few.save(beside, format="png", optimize=True)
        self.pictures.append(path.name)

    def write(self, claim: str, rows: list[Row]) -> None:
        """Keep what was found, whole or not at all."""
        found = {
            "name": self.name,
            "claim": claim,
            "rows": [asdict(row) for row in rows],
            "epochs": self.epochs,
            "data": self.data,
            "pictures": self.pictures,
            "blueprint": RECIPES[self.name].blueprint.to_json() if self.name in RECIPES else None,
            "environment": environment(),
        }
        write_json(self.folder / f"{self.name}.json", found)


def is_done(folder: Path, name: str, epochs: int) -> bool:
    """Whether the folder has this proof, of as many epochs and of the recipe as it is today."""
    path = folder / f"{name}.json"
    if not path.exists():
        return False
    found = read_json(path)
    return found["epochs"] == epochs and same_blueprint(
        found["blueprint"], RECIPES[name].blueprint if name in RECIPES else None
    )


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Every result in the folder; recipes in their order, others after them."""
    found = [read_json(path) for path in sorted(folder.glob("*.json"))]
    order = {name: place for place, name in enumerate(RECIPES)}
    return sorted(found, key=lambda result: order.get(result["name"], len(order)))


def _asked(sign: str, limit: float, why: str) -> str:
    return f"{sign} {limit:.4g}" + (f", {why}" if why else "")
