"""The Ray cluster: connecting to it, and refusing one whose machines have another version of Isthmus."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from isthmus.engines.scoring import check_version
from isthmus.errors import UseError
from isthmus.extras import needs
from isthmus.undisturbed import undisturbed
from isthmus.version import VERSION


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within the block, Ray's own warnings are not shown; afterwards the process is as before (`undisturbed`)."""
    with undisturbed():
        warnings.filterwarnings("ignore", module=r"ray(\.|$)")
        yield


def connected(module: str = "ray") -> Any:
    """Ray, or one of its modules, with a cluster whose machines have this version of Isthmus.

    Without a cluster, Ray starts one on this machine, as it always does.

    Raises:
        MissingPackageError: Ray isn't installed.
        UseError: a machine has no Isthmus, or another version.
    """
    with quiet():
        ray = needs("ray", "ray", "ist.ray")
        made = needs(module, "ray", "ist.ray")
        if not ray.is_initialized():
            ray.init()
        _check_versions(ray)
    return made


def _check_versions(ray: Any) -> None:
    """Raise UseError if a machine of the cluster has another version of Isthmus than this process."""

    def version() -> str:  # within a function, so that Ray sends its code and not its name: Isthmus may be missing
        try:
            from isthmus.version import VERSION  # noqa: PLC0415
        except ImportError:
            return ""
        return VERSION

    affinity = needs("ray.util.scheduling_strategies", "ray", "ist.ray").NodeAffinitySchedulingStrategy
    task = ray.remote(version)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    there = [affinity(node["NodeID"], soft=False) for node in nodes]
    asked = [task.options(num_cpus=0, scheduling_strategy=one).remote() for one in there]
    for node, found in zip(nodes, ray.get(asked), strict=True):
        where = f"The machine {node['NodeManagerHostname']} of the Ray cluster"
        if not found:
            raise UseError(f"{where} has no Isthmus. Install it there: pip install isthmus=={VERSION}.")
        check_version(VERSION, found, where)
