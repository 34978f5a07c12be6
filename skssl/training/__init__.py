"""Training: the net, batches, schedules, optimisers, devices."""

from skssl.exceptions import NonFiniteLossError
from skssl.training._adapting import HeadFirst
from skssl.training._batches import Batches, BatchesWithOthers, place
from skssl.training._device import resolve_device, seeded, uses_bfloat16
from skssl.training._memory import ran_out_of_memory, with_memory_advice
from skssl.training._monitor import COLLAPSE_LIMITS, Monitor
from skssl.training._net import Net, train
from skssl.training._optimizers import make_optimizer
from skssl.training._progress import Progress
from skssl.training._schedule import auto_steps, epochs_of, warmup_cosine
from skssl.training._suspects import remedy_for
from skssl.training._work import affordable_steps, auto_batch_size, count_work

__all__ = [
    "COLLAPSE_LIMITS",
    "Batches",
    "BatchesWithOthers",
    "HeadFirst",
    "Monitor",
    "Net",
    "NonFiniteLossError",
    "Progress",
    "affordable_steps",
    "auto_batch_size",
    "auto_steps",
    "count_work",
    "epochs_of",
    "make_optimizer",
    "place",
    "ran_out_of_memory",
    "remedy_for",
    "resolve_device",
    "seeded",
    "train",
    "uses_bfloat16",
    "warmup_cosine",
    "with_memory_advice",
]
