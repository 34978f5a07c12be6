"""Several processes that train together."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from joblib.parallel import get_active_backend
from sklearn.utils import check_random_state
from torch import Tensor

from skssl._types import RandomState

__all__ = [
    "Processes",
    "current_processes",
    "has_others",
    "is_first",
    "of_first",
    "random_state_of_all",
    "together",
]

# How long others are waited for that read and prepare samples, or that are gone.
_TIMEOUT = timedelta(minutes=10)
_TORCHRUN = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
# Ports that are free on most machines, one for each of so many jobs.
_FIRST_PORT, _PORTS = 20_000, 20_000


class Processes:
    """The process group of torch.distributed: this process and those that train with it.

    What is asked of all has to be asked by all, in the same order.

    Attributes
    ----------
    rank : int
        The number of this process.
    n : int
        How many there are.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.n = dist.get_world_size()
        # Numbers travel without a device having to wait, where the group can do that.
        on_cpu = "cpu" in str(dist.get_backend_config())
        self._device = torch.device("cpu" if on_cpu else "cuda")

    def share(self, n_rows: int, rank: int | None = None) -> slice:
        """Return which of so many rows are those of a process: this one, or that of a `rank`."""
        rank = self.rank if rank is None else rank
        fewest, more = divmod(n_rows, self.n)
        start = rank * fewest + min(rank, more)
        return slice(start, start + fewest + (rank < more))

    def gather(self, own: Tensor, n_rows: int) -> Tensor:
        """Return the rows of all processes, `n_rows`, of which this one has its share."""
        shares = [self.share(n_rows, rank) for rank in range(self.n)]
        sizes = [share.stop - share.start for share in shares]
        if len(own) != sizes[self.rank]:
            raise ValueError(
                f"An encoder must return a row for each sample; got {len(own)} rows for "
                f"{sizes[self.rank]} samples."
            )
        # All send equally many.
        sent = own.new_zeros((max(sizes), *own.shape[1:]))
        sent[: len(own)] = own
        parts = [torch.empty_like(sent) for _ in sizes]
        with self._answers():
            dist.all_gather(parts, sent)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    def total(self, own: Tensor) -> Tensor:
        """Return the sum of what the processes have."""
        total = own.clone(memory_format=torch.contiguous_format)
        with self._answers():
            dist.all_reduce(total)
        return total

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Whether each of some flags is set in any of the processes."""
        own = torch.tensor(flags, dtype=torch.float32, device=self._device)
        return tuple(number > 0 for number in self.total(own).tolist())

    def of_first(self, number: float) -> float:
        """Return what the first process has."""
        told = torch.tensor(number, dtype=torch.float64, device=self._device)
        self.take_from_first(told)
        return told.item()

    def take_from_first(self, tensor: Tensor) -> None:
        """Replace a tensor by that of the first process."""
        # Some groups are for GPUs only.
        is_elsewhere = tensor.device.type == "cpu" != self._device.type
        whole = tensor.to(self._device) if is_elsewhere else tensor.contiguous()
        with self._answers():
            dist.broadcast(whole, 0)
        if whole is not tensor:
            tensor.copy_(whole)

    def are_alike(self, numbers: list[int]) -> list[bool]:
        """Whether each of some numbers is the same in all processes."""
        own = torch.tensor(numbers, dtype=torch.int64, device=self._device)
        every = self.gather(own[None], self.n)
        return [bool(same) for same in (every == every[:1]).all(dim=0)]

    def wait(self) -> None:
        """Wait until all have come here."""
        self.any(False)

    @contextmanager
    def _answers(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise RuntimeError(
                f"Process {self.rank} of {self.n} got no answer: another one has ended with an "
                "error of its own, which stands in its output, or is doing something else, or the "
                f"network between them is down. torch.distributed says: {error}"
            ) from error


_current: Processes | None = None


def current_processes() -> Processes | None:
    """Return the processes that train together; None if this one trains alone."""
    return _current


def is_first() -> bool:
    """Whether this process is the one that tells, of all that train together."""
    return _current is None or not _current.rank


def has_others() -> bool:
    """Whether this process is one of several of torchrun, a step of SLURM or a process group.

    `current_processes` has them only while they train; between two trainings, each runs alone.
    """
    if not dist.is_available():
        return False
    return dist.get_world_size() > 1 if dist.is_initialized() else _launched() is not None


def of_first(number: float) -> float:
    """Return the number that the first of the processes has."""
    return number if _current is None else _current.of_first(number)


def random_state_of_all(random_state: RandomState) -> np.random.RandomState:
    """Return a generator that draws the same in all processes.

    The seeds and generators of a script are the same already; without any, the first one decides.
    """
    if _current is None or random_state is not None:
        return check_random_state(random_state)
    return check_random_state(int(of_first(check_random_state(None).randint(2**31 - 1))))


@contextmanager
def together() -> Iterator[None]:
    """Train with the other processes of torchrun, of a step of SLURM or of a process group.

    A group that is there already is used. One that is made here is gone in the end.
    """
    global _current
    is_there = dist.is_available() and dist.is_initialized()
    launched = _launched() if dist.is_available() and not is_there else None
    if _current is not None or not (is_there or launched):
        yield
        return
    _refuse_workers()
    hook = sys.excepthook
    if launched:
        _join(*launched)
    processes = Processes()
    _current = processes
    try:
        yield
        if launched:
            # Who comes first would hang up on the others.
            processes.wait()
    finally:
        _current = None
        if launched:
            dist.destroy_process_group()
            # Each group puts the rank before every line of an error, once more.
            sys.excepthook = hook


def _refuse_workers() -> None:
    if get_active_backend()[0].nesting_level:
        raise RuntimeError(
            "fit was called by a worker of joblib in one of several processes of torchrun, SLURM "
            "or torch.distributed, which train together. Set n_jobs=1, so that each fit is done "
            "by all of them, or start the script without torchrun, so that each worker fits alone; "
            "joblib.parallel_config('dask') has workers on many machines."
        )


def _launched() -> tuple[int, int, int, str] | None:
    """Return rank, number of processes, rank on this machine, and where all meet.

    As torchrun or srun said it; None if this process is alone.
    """
    known = os.environ
    if all(name in known for name in _TORCHRUN):
        if int(known["WORLD_SIZE"]) == 1:
            return None
        rank = int(known["RANK"])
        return rank, int(known["WORLD_SIZE"]), int(known.get("LOCAL_RANK", rank)), "env://"
    # A script that sbatch runs by itself has the variables of the job, but no step with others.
    if int(known.get("SLURM_STEP_NUM_TASKS", 1)) < 2:
        return None
    host = known.get("MASTER_ADDR") or _first_host(known["SLURM_STEP_NODELIST"])
    job = int(known["SLURM_JOB_ID"]) + int(known.get("SLURM_STEP_ID", 0))
    port = known.get("MASTER_PORT") or _FIRST_PORT + job % _PORTS
    return (
        int(known["SLURM_PROCID"]),
        int(known["SLURM_STEP_NUM_TASKS"]),
        int(known["SLURM_LOCALID"]),
        f"tcp://{host}:{port}",
    )


def _first_host(hosts: str) -> str:
    """Return the first of SLURM's hosts, such as node07 of ``node[07-09,12],other``."""
    prefix, bracket, numbers = hosts.partition("[")
    if not bracket or "," in prefix:
        return prefix.partition(",")[0]
    inside, _, suffix = numbers.partition("]")
    first = inside.partition(",")[0].partition("-")[0]
    return prefix + first + suffix.partition(",")[0]


# Where the processes meet, and how often they did: each group has a part of its own there.
_store: dist.Store | None = None
_n_groups = 0


def _join(rank: int, n: int, local_rank: int, where: str) -> None:
    """Make the process group."""
    global _store, _n_groups
    # What torch imports while it computes. If there is a group then, it becomes the default of
    # arguments there, and lives on; at the end of the script, threads of it abort the process.
    importlib.import_module("torch.distributed.nn")
    if torch.cuda.is_available():
        torch.cuda.set_device(local_rank % torch.cuda.device_count())
    if _store is None:
        _store, _, _ = next(dist.rendezvous(where, rank, n, timeout=_TIMEOUT))
    _n_groups += 1
    has_nccl = torch.cuda.is_available() and dist.is_nccl_available()
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if has_nccl else "gloo",
        store=dist.PrefixStore(f"skssl/{_n_groups}", _store),
        rank=rank,
        world_size=n,
        timeout=_TIMEOUT,
    )
