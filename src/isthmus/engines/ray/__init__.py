"""Ray: runs trained and used on a Ray cluster."""

from isthmus.engines.ray.mapping import map
from isthmus.engines.ray.studies import jobs
from isthmus.engines.ray.training import fit

__all__ = ["fit", "jobs", "map"]
