"""The head first, then the encoder that is known already."""

from __future__ import annotations

from collections.abc import Collection

from skorch.callbacks import Callback
from torch import Tensor, nn

from skssl.training._net import Net
from skssl.training._schedule import HEAD_ALONE


class HeadFirst(Callback):
    """Lets no gradient through an encoder as long as the head learns alone, which saves its time.

    Parameters
    ----------
    late : collection of nn.Parameter
        What waits.
    """

    # It follows from the steps.
    in_net_state = False

    def __init__(self, late: Collection[nn.Parameter]):
        self.late = late

    def on_batch_begin(self, net: Net, batch: Tensor, **kwargs: object) -> None:
        waits = not net.constant_rate and net.part_at(net.steps_done_) < HEAD_ALONE
        for p in self.late:
            p.requires_grad_(not waits)
