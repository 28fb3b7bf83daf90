"""The diagnosis: every check, a row each, and what they find in a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from isthmus.doctor import dynamics, generalisation, latents_and_units
from isthmus.doctor.examination import Examination
from isthmus.doctor.finding import Finding
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run

When = Literal["first", "epochs", "looks", "after"]
"""When a check can speak: before the first step, after every epoch, where a glance at the model is taken (now and then,
for it costs time), or not before training is over."""


@dataclass(frozen=True)
class Check:
    """One check.

    name: of its finding. examine: gives the finding, or None. when: from when on it can speak. explained_by: findings
    of which this one would be a mere consequence, and is then left out.
    """

    name: str
    examine: Callable[[Examination], Finding | None]
    when: When
    explained_by: tuple[str, ...] = ()


LOST = ("learning rate too high", "burst at the start", "posterior collapse", "scaling")
"""What leaves a model that has learnt nothing, of which little else can be said."""

CHECKS: tuple[Check, ...] = (
    Check("scaling", dynamics.scaling, "first"),
    Check("learning rate too high", dynamics.rate_too_high, "epochs", ("scaling",)),
    Check("learning rate too high", dynamics.thrown_off, "looks", ("scaling", "learning rate too high")),
    Check("burst at the start", dynamics.burst, "epochs", ("scaling", "learning rate too high")),
    Check("posterior collapse", latents_and_units.posterior_collapse, "looks", ("scaling", "learning rate too high")),
    Check("learning rate too low", dynamics.rate_too_low, "after", LOST),
    Check("saturated units", latents_and_units.saturated_units, "looks", LOST),
    Check("dead units", latents_and_units.dead_units, "looks", (*LOST, "saturated units")),
    Check("duplicate units", latents_and_units.duplicate_units, "looks", (*LOST, "saturated units", "dead units")),
    Check("copying", generalisation.copying, "after"),
    Check("no bottleneck", generalisation.no_bottleneck, "after", (*LOST, "copying")),
    Check("memorising", generalisation.memorising, "after", LOST),
    Check("replaying", generalisation.replaying, "after", LOST),
    Check("overfitting", dynamics.overfitting, "epochs", LOST),
    Check(
        "worse than PCA",
        generalisation.worse_than_pca,
        "after",
        (*LOST, "learning rate too low", "saturated units", "dead units", "duplicate units", "memorising"),
    ),
    Check("worse than nothing", generalisation.worse_than_nothing, "after", (*LOST, "dead units")),
    Check("latent gaps", latents_and_units.latent_gaps, "after", LOST),
    Check("class imbalance", generalisation.class_imbalance, "after", (*LOST, "memorising")),
)
"""In the order in which they are told: what explains others comes before them."""


@takes_run
def diagnose(run: TrainedModel) -> list[Finding]:
    """What is wrong with a run; nothing where all is well.

    Looks at 2000 samples of the training part and of the test (or validation) part at most, and at the history.

    Raises:
        DataError: the data can't be opened again.
    """
    return found_by(CHECKS, Examination.of_run(run))


def found_by(checks: Sequence[Check], of: Examination) -> list[Finding]:
    """What these checks find, without what follows from what others have found."""
    found: list[Finding] = []
    for check in checks:
        named = {finding.name for finding in found}
        if not named & set(check.explained_by) and (finding := check.examine(of)) is not None:
            found.append(finding)
    return found
