"""Several processes that train one model: each takes its share of every batch, and all take the same step.

They are launched from outside, by torchrun or any other launcher of PyTorch's, and each runs the same program. What
they exchange are tensors and JSON, never pickle.
"""

import atexit
import contextlib
import functools
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from isthmus.errors import ElsewhereError, IsthmusError, TrainingError
from isthmus.launch import launched
from isthmus.parts.shared_batch import Share

PATIENCE = 60.0
"""Seconds that a step waits for the other processes before they count as lost."""
LONG = 24 * 3600.0
"""The same where the first process does something alone that may take long, such as writing a checkpoint."""
CONNECTED = 1800.0
"""Seconds in which all processes must have started to train; each may need minutes to read its data."""
FIRST = 2
"""Steps that wait so long: in them libraries load and graphs are compiled."""
BUCKET = 2**25
"""Bytes of gradients that are sent at once."""


class LostProcessError(TrainingError):
    """Another process has ended, or can't be reached."""


class Processes:
    """The processes of a training, as seen from one of them. `ALONE` is a training by one process.

    rank: the number of this one, from 0. size: how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self._steps = 0

    @property
    def chief(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return self.size > 1

    def share(self, count: int) -> Share | None:
        """The share that this process has of a batch of `count` samples; None if there is one process.

        If there are fewer samples than processes, each process takes all of them, and the step is the mean.
        """
        if not self.several:
            return None
        if count < self.size:
            return Share(0, count, count, 1 / self.size, self.add)
        each, more = divmod(count, self.size)
        begin = self.rank * each + min(self.rank, more)
        size = each + (self.rank < more)
        return Share(begin, begin + size, count, size / count, self.add)

    def add(self, tensor: Tensor, *, patient: bool = False) -> Tensor:
        """Make a tensor its sum over all processes, in place.

        Raises:
            LostProcessError: another process has ended, or can't be reached.
        """
        if not self.several:
            return tensor
        sent = tensor if tensor.device.type == "cuda" else tensor.cpu()  # others have no way to send
        with self._reaching():
            group = _groups()["patient" if patient and sent.device.type == "cpu" else "steps"]
            dist.all_reduce(sent, group=group)
        return tensor if sent is tensor else tensor.copy_(sent)

    def combined(self, gradients: Sequence[Tensor], figures: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """The sums over all processes of the gradients, and of figures of one number, in few messages."""
        if not self.several:
            return list(gradients), list(figures)
        self._steps += 1
        patient = self._steps <= FIRST
        tensors = [*figures, *gradients]
        summed: list[Tensor] = []
        for bucket in _buckets(tensors):
            flat = self.add(torch.cat([one.reshape(-1) for one in bucket]), patient=patient)
            parts = flat.split([one.numel() for one in bucket])
            summed += [part.view(one.shape) for part, one in zip(parts, bucket, strict=True)]
        return summed[len(figures) :], summed[: len(figures)]

    def exchange(self, said: Any) -> list[Any]:
        """What each process says, as JSON, by rank.

        Raises:
            LostProcessError: another process has ended, or can't be reached.
        """
        if not self.several:
            return [said]
        text = torch.frombuffer(bytearray(json.dumps(said).encode()), dtype=torch.uint8)
        sizes = torch.zeros(self.size, dtype=torch.int64)
        sizes[self.rank] = len(text)
        sizes = self.add(sizes, patient=True)
        texts = torch.zeros(self.size, int(sizes.max()), dtype=torch.uint8)
        texts[self.rank, : len(text)] = text
        texts = self.add(texts, patient=True)
        pairs = zip(texts, sizes.tolist(), strict=True)
        return [json.loads(bytes(text[:size].tolist())) for text, size in pairs]

    @torch.no_grad()
    def give(self, tensors: Mapping[str, Tensor]) -> None:
        """Give the first process' tensors to all, in place."""
        if not self.several:
            return
        for tensor in tensors.values():
            sent = tensor.detach().cpu().contiguous()
            kind = torch.uint8 if sent.dtype == torch.bool else sent.dtype
            sent = self.add(sent.to(kind) if self.chief else torch.zeros_like(sent, dtype=kind), patient=True)
            tensor.copy_(sent.to(tensor.dtype))

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """In the block, the first process does something for all, which wait for it; an error there ends all.

        Raises:
            ElsewhereError: the first process met an error.
        """
        if not self.several:
            yield
            return
        if not self.chief:
            yield
            if not self.exchange(None)[0]:
                raise ElsewhereError("Process 0 has met an error, which it says itself.")
            return
        try:
            yield
        except BaseException:
            with contextlib.suppress(LostProcessError):
                self.exchange(said=False)
            raise
        self.exchange(said=True)

    def check_alike(self, facts: Mapping[str, Any], advice: Mapping[str, str]) -> None:
        """Check that all processes have the same facts.

        advice: by a fact's name, how to make it the same.

        Raises:
            TrainingError: a process has another one.
        """
        everyone = self.exchange(facts)
        for rank, other in enumerate(everyone):
            for name, value in everyone[0].items():
                if other.get(name) != value:
                    shown = f": {other.get(name)} and {value}" if len(f"{value}{other.get(name)}") < 120 else ""
                    if not self.chief:
                        raise ElsewhereError("The processes differ. Process 0 says how.")
                    raise TrainingError(
                        f"Process {rank} has another {name} than process 0{shown}. {advice.get(name, '')}".strip()
                    )

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # of gloo and of NCCL alike
            if isinstance(error, IsthmusError):
                raise
            raise LostProcessError(
                f"Process {self.rank} can't reach the others: one of them has ended, or the network is down. The run's "
                "last checkpoint is kept. Start all processes again to go on from it."
            ) from error


ALONE = Processes()


def sums_of_bits(weights: Mapping[str, Tensor]) -> int:
    """A number that differs if a bit of the weights does."""
    kinds = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}
    return sum(
        int((value.contiguous().view(kinds[value.element_size()]).long() * (place + 1)).sum())
        for place, value in enumerate(weights.values())
    )


def find_processes() -> Processes:
    """The processes that this one was launched with; `ALONE` if it was launched by itself.

    They are connected when this is called for the first time. An existing process group is used.

    Raises:
        TrainingError: they can't be connected.
    """
    if not dist.is_available():
        return ALONE
    if not dist.is_initialized():
        launch = launched()
        if launch.size == 1:
            return ALONE
        _connect(launch.local)
    size = dist.get_world_size()
    return Processes(dist.get_rank(), size) if size > 1 else ALONE


def _connect(local: int) -> None:
    """Connect the launched processes, for as long as this one lives."""
    backend, patience = "gloo", timedelta(seconds=CONNECTED)
    if torch.cuda.is_available():
        torch.cuda.set_device(local % torch.cuda.device_count())  # each process has a device of its own
        backend = "cpu:gloo,cuda:nccl"
    try:
        library: Any = dist  # pyright misses some of its names
        store, rank, size = next(library.rendezvous("env://", timeout=patience))
        meeting = library.PrefixStore(f"isthmus/{meet(store, rank, size)}", store)
        dist.init_process_group(backend, store=meeting, rank=rank, world_size=size, timeout=patience)
    except (RuntimeError, ValueError, TimeoutError) as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise TrainingError(
            f"The launched processes can't be connected: {why}. Check that all of them were started and that the "
            "address of the first one (MASTER_ADDR, MASTER_PORT) can be reached."
        ) from error
    atexit.register(_disconnect)


def meet(store: Any, rank: int, size: int, seconds: float = CONNECTED) -> str:
    """A name for the meeting of these processes, which are all there when this returns.

    A launcher that starts lost processes again keeps its store, with the addresses of those that are lost. So each
    process writes a name that it has made up, the first one lists all names, and the list holds when all have
    confirmed it: a lost process doesn't confirm.

    Raises:
        TimeoutError: some have not come within this time.
    """
    own, end = secrets.token_hex(8), time.monotonic() + seconds
    store.set(f"isthmus/name/{rank}", own)
    while time.monotonic() < end:
        if rank == 0:
            places = [f"isthmus/name/{other}" for other in range(size)]
            if store.check(places):
                store.set("isthmus/names", ",".join(store.get(place).decode() for place in places))
        if store.check(["isthmus/names"]):
            names = store.get("isthmus/names").decode()
            if names.split(",")[rank : rank + 1] == [own]:
                store.set(f"isthmus/{names}/{rank}", "here")
                if rank == 0 and store.check([f"isthmus/{names}/{other}" for other in range(size)]):
                    store.set(f"isthmus/{names}/all", "here")
                if store.check([f"isthmus/{names}/all"]):
                    return names.partition(",")[0]
        time.sleep(0.01)
    raise TimeoutError(f"not all {size} of them came within {seconds:g} seconds")


def _disconnect() -> None:
    with contextlib.suppress(Exception):
        _groups.cache_clear()
        dist.destroy_process_group()


@functools.cache
def _groups() -> dict[str, Any]:
    """The same processes, twice: as they wait for a step, and as they wait for what the first one does alone."""
    patient = dist.new_group(backend="gloo", timeout=timedelta(seconds=LONG))
    return {"patient": patient, "steps": dist.new_group(timeout=timedelta(seconds=PATIENCE))}


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in their order, cut where their type changes or a bucket is full."""
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and (tensor.dtype != bucket[0].dtype or size >= BUCKET):
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.numel() * tensor.element_size()
    if bucket:
        yield bucket
