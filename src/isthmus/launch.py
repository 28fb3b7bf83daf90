"""What a launcher of several processes, such as torchrun, says of this one in the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Launch:
    """A process among those that were launched together.

    rank: its number, from 0. size: how many there are. local: its number on this machine. restarts: how often the
    launcher has started them all again.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    restarts: int = 0

    @property
    def chief(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0


ALONE = Launch()


def launched(environment: Mapping[str, str] = os.environ) -> Launch:
    """The place of this process, by the variables that torchrun and compatible launchers set; `ALONE` without them."""
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= environment.keys():
        return ALONE
    try:
        rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        local = int(environment.get("LOCAL_RANK", rank))
        restarts = int(environment.get("TORCHELASTIC_RESTART_COUNT", 0))
    except ValueError:
        return ALONE
    return Launch(rank, size, local, restarts) if size > 1 else Launch(restarts=restarts)
