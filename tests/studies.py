"""Trials of a study, and what came of them, for the tests of `isthmus.experiments`."""

import isthmus as ist
from isthmus.experiments import Fit
from isthmus.experiments.table import rows


def trials(settings, *, codes=(1, 2), seeds=1):
    plan = ist.recipe("vanilla")
    return [
        Fit(candidate=f"code {code}", seed=seed, blueprint=plan, options={"code": code}, settings=settings)
        for code in codes
        for seed in range(seeds)
    ]


def figures(study):
    """What is not a matter of time."""
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows(study)]
