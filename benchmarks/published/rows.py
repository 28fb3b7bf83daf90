"""The rows of the published table: the network, the budget and the figure of each, as Pythae's repository has them.

Source: https://github.com/clementchadebec/benchmark_VAE, examples/scripts/reproducibility: the table of its README, and
the script of each row.
"""

from dataclasses import dataclass
from typing import Any

import isthmus as ist
from isthmus.parts import VampPrior

EPOCHS, SAMPLES, BATCH, DRAWS, TESTED = 8, 10_000, 100, 200, 1000
"""The scaled budget: epochs, training digits, batch, draws of the code in the estimate, and digits that are tested."""


@dataclass(frozen=True)
class Budget:
    """What a training and its estimate may take.

    samples, tested: digits of the training and the test part. importance: draws in the estimate of log p(x).
    draws, groups: of the code in training, for the bounds that need them. components: of a vamp prior. warmup: epochs
    over which the KL grows.
    """

    samples: int
    epochs: int
    batch: int
    importance: int
    tested: int = 10_000
    draws: int = 1
    groups: int = 1
    components: int = 500
    warmup: float = 0.0


@dataclass(frozen=True)
class Row:
    """One row of the published table.

    published: -log p(x) in nats, as Pythae's README has it. dynamic: whether digits are binarised anew in each pass.
    peer: Pythae's class. widths, activation, code: of the network. mean_share: of the ELBO in the bound. steps,
    step_size: of the leapfrog.
    """

    name: str
    recipe: str
    peer: str
    published: float
    full: Budget
    scaled: Budget
    widths: tuple[int, ...]
    activation: str
    code: int
    dynamic: bool = False
    mean_share: float = 0.0
    steps: int = 0
    step_size: float = 0.05

    def blueprint(self, budget: Budget) -> ist.Blueprint:
        """The recipe with the row's network and the budget's draws."""
        options: dict[str, Any] = {"code": self.code, "widths": self.widths, "activation": self.activation}
        if budget.draws > 1:
            options["draws"] = budget.draws
        match self.name:
            case "miwae":
                options["groups"] = budget.groups
            case "piwae":
                options["encoder_groups"] = budget.groups
            case "ciwae":
                options["mean_share"] = self.mean_share
            case "vamp":
                options |= {"prior": VampPrior(components=budget.components), "kl.warmup": budget.warmup}
            case "hvae":
                options |= {"steps": self.steps, "step_size": self.step_size, "learnt": False}
        made = ist.recipe(self.recipe, distance="bce", **options)
        return made.replace(corruption="binarise") if self.dynamic else made


def _scaled(**changes: Any) -> Budget:
    return Budget(
        **{"samples": SAMPLES, "epochs": EPOCHS, "batch": BATCH, "importance": DRAWS, "tested": TESTED} | changes
    )


_BURDA: dict[str, Any] = {"widths": (200, 200), "activation": "tanh", "code": 50}
_DYNAMIC: dict[str, Any] = _BURDA | {
    "dynamic": True,
    "full": Budget(60_000, 3280, 20, 5000, draws=64, groups=8),
    "scaled": _scaled(epochs=2 * EPOCHS, tested=500, importance=100, draws=16, groups=4),
}
ROWS = {
    row.name: row
    for row in (
        Row(
            "vae", "vae", "VAE", 89.78, Budget(50_000, 500, 100, 200), _scaled(epochs=4 * EPOCHS),
            widths=(400,), activation="relu", code=40,
        ),
        Row(
            "iwae", "iwae", "IWAE", 86.82, Budget(50_000, 3280, 20, 5000, draws=50),
            _scaled(epochs=2 * EPOCHS, draws=10), **_BURDA,
        ),
        Row(
            "vamp", "vamp-vae", "VAMP", 85.79, Budget(50_000, 2000, 100, 5000, warmup=100.0),
            _scaled(epochs=2 * EPOCHS, components=100, warmup=1.0), widths=(300, 300), activation="gated", code=40,
        ),
        Row(
            "hvae", "hamiltonian-vae", "HVAE", 86.21, Budget(50_000, 2000, 100, 1000), _scaled(epochs=2 * EPOCHS),
            widths=(300,), activation="softplus", code=64, steps=4,
        ),
        Row("miwae", "miwae", "MIWAE", 85.09, **_DYNAMIC),
        Row("piwae", "piwae", "PIWAE", 84.58, **_DYNAMIC),
        Row("ciwae", "ciwae", "CIWAE", 84.74, mean_share=0.05, **_DYNAMIC),
    )
}  # fmt: skip
"""The rows, in the table's order."""
