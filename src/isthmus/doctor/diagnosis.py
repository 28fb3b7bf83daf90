"""The diagnosis: the list of all checks, and their findings in a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from isthmus.doctor import dynamics, generalisation, latents_and_units
from isthmus.doctor.examination import Examination
from isthmus.doctor.finding import Finding, Findings
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import takes_run

When = Literal["first", "epochs", "looks", "after"]
"""When a check can run: before the first step ("first"), after every epoch ("epochs"), when the model itself is
examined (now and then, because that takes time: "looks"), or only after training ("after")."""


@dataclass(frozen=True)
class Check:
    """One check.

    name: of its finding. examine: returns the finding, or None. when: the earliest time it can run. explained_by:
    findings that would explain this one; it is left out if one of them is found.
    """

    name: str
    examine: Callable[[Examination], Finding | None]
    when: When
    explained_by: tuple[str, ...] = ()


LOST = ("learning rate too high", "burst at the start", "posterior collapse", "scaling")
"""Findings of a model that has learnt nothing: other checks would add little."""

CHECKS: tuple[Check, ...] = (
    Check("scaling", dynamics.scaling, "first"),
    Check("learning rate too high", dynamics.rate_too_high, "epochs", ("scaling",)),
    Check("learning rate too high", dynamics.thrown_off, "looks", ("scaling", "learning rate too high")),
    Check("burst at the start", dynamics.burst, "epochs", ("scaling", "learning rate too high")),
    Check("posterior collapse", latents_and_units.posterior_collapse, "looks", ("scaling", "learning rate too high")),
    Check("code ignored", latents_and_units.code_ignored, "after", LOST),
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
"""In the order of the report: a finding that explains others comes before them."""


@takes_run
def diagnose(run: TrainedModel) -> Findings:
    """The problems of a run; an empty list if there are none.

    Examines at most 2000 samples of the training part and of the test (or validation) part, and the history.

    Raises:
        DataError: the data can't be opened again.
    """
    return Findings(found_by(CHECKS, Examination.of_run(run)))


def found_by(checks: Sequence[Check], of: Examination) -> list[Finding]:
    """The findings of these checks, without those that another finding explains."""
    found: list[Finding] = []
    for check in checks:
        named = {finding.name for finding in found}
        if not named & set(check.explained_by) and (finding := check.examine(of)) is not None:
            found.append(finding)
    return found
