"""The doctor: what is wrong with a model, how one sees it, and what helps."""

from isthmus.doctor.diagnosis import CHECKS, Check, diagnose
from isthmus.doctor.finding import Finding, Picture
from isthmus.doctor.watch import Watch

__all__ = ["CHECKS", "Check", "Finding", "Picture", "Watch", "diagnose"]
