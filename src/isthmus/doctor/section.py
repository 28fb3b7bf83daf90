"""The doctor's section of a report."""

from isthmus.doctor.diagnosis import CHECKS, diagnose
from isthmus.drawing.plates import Section, plate
from isthmus.trained import TrainedModel

TITLE = "The doctor's findings"


def section(run: TrainedModel) -> Section:
    """The findings with their pictures, or a sentence that there are none."""
    found = diagnose(run)
    if not found:
        return Section(
            TITLE, (), (f"No problems: none of {len({check.name for check in CHECKS})} checks found anything.",)
        )
    words = [f"{finding.name.capitalize()} ({finding.severity}): {finding.words} {finding.cure}" for finding in found]
    plates = [
        plate(finding.name.capitalize(), finding.picture.draw, finding.picture.alt, finding.picture.caption)
        for finding in found
        if finding.picture is not None
    ]
    return Section(TITLE, plates, words, [finding.command for finding in found])
