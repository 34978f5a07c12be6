"""What each of several processes does for its own part of the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from skssl._processes import Processes

Result = TypeVar("Result", bound=Tensor | tuple[Tensor, ...] | list[Tensor])


class _Sharing:
    """How the processes that train together share the work of the encoders.

    Parameters
    ----------
    processes : Processes
    objective : nn.Module
    encoders : list of nn.Module
    own_randomness : callable
        Returns a context in which this process draws what no other one does.
    """

    def __init__(
        self,
        processes: Processes,
        objective: nn.Module,
        encoders: list[nn.Module],
        own_randomness: Callable[[], AbstractContextManager[None]],
    ):
        self.processes = processes
        self.objective = objective
        self.encoders = encoders
        self.own_randomness = own_randomness
        # Of how many samples the own ones are at hand; None while all are.
        self.n_rows: int | None = None
        self._under_way = ExitStack()
        self._hooks: list[RemovableHandle] = []

    def take_hold(self) -> None:
        """Let the encoders and the BatchNorm layers know of the other processes."""
        for encoder in self.encoders:
            self._hooks += [
                encoder.register_forward_pre_hook(_take_own),
                encoder.register_forward_hook(_give_all, always_call=True),
            ]
        _change_classes(self.objective, _NORMS)

    def let_go(self) -> None:
        """Undo `take_hold`."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        _change_classes(self.objective, {shared: plain for plain, shared in _NORMS.items()})

    def begin(self, samples: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        """Return the own part of samples; all, if they are too few to be shared."""
        given = [part for part in samples if part is not None]
        n_rows = len(given[0])
        if self.n_rows is not None or n_rows < self.processes.n:
            return samples
        self.n_rows = n_rows
        # What dropout draws for the own samples is not to change what is drawn for all of them.
        self._under_way.enter_context(self.own_randomness())
        return tuple(None if part is None else self._own(part) for part in samples)

    def _own(self, rows: Tensor) -> Tensor:
        if rows.requires_grad:
            return _Cut.apply(rows, self.processes)
        return rows[self.processes.share(len(rows))]

    def end(self) -> int:
        """Return how many rows there were; from now on, all are at hand again."""
        assert self.n_rows is not None
        n_rows, self.n_rows = self.n_rows, None
        self._under_way.close()
        return n_rows

    def gather(self, output: Result, n_rows: int) -> Result:
        """Return all rows of what came out for the own ones."""
        if isinstance(output, Tensor):
            return _Gather.apply(output, n_rows, self.processes)
        return type(output)(self.gather(part, n_rows) for part in output)


_sharing: ContextVar[_Sharing | None] = ContextVar("sharing", default=None)


def in_shares(function: Callable[..., Result], *samples: Tensor | None) -> Result:
    """Apply a function to samples, of which each process that trains with others takes a part.

    It is for what takes long. The function has to do with each sample what it would do without the
    others, apart from BatchNorm layers, which know what the other processes see. Where a process
    trains alone, it is simply called.

    Parameters
    ----------
    function : callable
        Gets the samples, and returns tensors with a row for each.
    *samples : Tensor or None
        With a row for each sample.

    Returns
    -------
    Tensor, or tuple or list of tensors
        All rows, the same in all processes. The gradient passes through them.
    """
    sharing = _sharing.get()
    if sharing is None or sharing.n_rows is not None:
        return function(*samples)
    own = sharing.begin(samples)
    if sharing.n_rows is None:
        return function(*samples)
    try:
        output = function(*own)
    finally:
        n_rows = sharing.end()
    return sharing.gather(output, n_rows)


# Outside of what is shared, all processes compute the same, gradients too. Within, a process sees
# its own samples alone, with n times their gradient: that of weights is the mean of the processes.
class _Cut(torch.autograd.Function):
    """The own rows of what all have."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, processes: Processes) -> Tensor:
        ctx.n_rows, ctx.processes = len(rows), processes
        return rows[processes.share(len(rows))]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.processes.gather(gradients[0], ctx.n_rows) / ctx.processes.n, None


class _Gather(torch.autograd.Function):
    """The rows of all processes."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, n_rows: int, processes: Processes) -> Tensor:
        ctx.share, ctx.n = processes.share(n_rows), processes.n
        return processes.gather(own, n_rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return ctx.n * gradients[0][ctx.share], None, None


@contextmanager
def shared_among(
    processes: Processes,
    objective: nn.Module,
    encoders: list[nn.Module],
    own_randomness: Callable[[], AbstractContextManager[None]],
) -> Iterator[None]:
    """Let each process do its part of what `encoders` and :func:`in_shares` are asked for.

    Parameters
    ----------
    processes : Processes
    objective : nn.Module
        The whole network, whose BatchNorm layers look at the samples of all processes.
    encoders : list of nn.Module
    own_randomness : callable
        Returns a context in which this process draws what no other one does.
    """
    sharing = _Sharing(processes, objective, encoders, own_randomness)
    token = _sharing.set(sharing)
    sharing.take_hold()
    try:
        yield
    finally:
        sharing.let_go()
        _sharing.reset(token)


@contextmanager
def unshared() -> Iterator[None]:
    """Let networks be for a while what they are without other processes, to be written."""
    sharing = _sharing.get()
    if sharing is None:
        yield
        return
    sharing.let_go()
    try:
        yield
    finally:
        sharing.take_hold()


# What an encoder is called with while another one is at work is part of that one's share.
_HAS_BEGUN = "_skssl_has_begun"


def _take_own(encoder: nn.Module, samples: tuple[Any, ...]) -> tuple[Any, ...] | None:
    sharing = _sharing.get()
    if sharing is None or sharing.n_rows is not None:
        return None
    own = sharing.begin(samples)
    if sharing.n_rows is not None:
        encoder.__dict__[_HAS_BEGUN] = True
    return own


def _give_all(encoder: nn.Module, samples: object, output: Any) -> Any:
    if not encoder.__dict__.pop(_HAS_BEGUN, False):
        return None
    sharing = cast(_Sharing, _sharing.get())
    n_rows = sharing.end()
    # After an error there is no output.
    return None if output is None else sharing.gather(output, n_rows)


class _NormOverAll(nn.modules.batchnorm._BatchNorm):
    """BatchNorm with the statistics of the samples of all processes.

    torch's SyncBatchNorm does so on GPUs only.
    """

    def forward(self, x: Tensor) -> Tensor:
        sharing = _sharing.get()
        if sharing is None or sharing.n_rows is None or not (self.training or self._has_no_stats()):
            return super().forward(x)
        self._check_input_dim(x)
        y, mean, var, n = _Normalize.apply(x, self.weight, self.bias, self.eps, sharing.processes)
        if self.training and not self._has_no_stats():
            self._learn(mean, var * n / (n - 1))
        return y

    def _has_no_stats(self) -> bool:
        return self.running_mean is None

    def _learn(self, mean: Tensor, var: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        part = self.momentum
        if part is None:
            part = 1 / float(cast(Tensor, self.num_batches_tracked))
        self.running_mean.lerp_(mean.to(self.running_mean), part)
        self.running_var.lerp_(var.to(self.running_var), part)


class _Norm1d(_NormOverAll, nn.BatchNorm1d):
    """See :class:`_NormOverAll`."""


class _Norm2d(_NormOverAll, nn.BatchNorm2d):
    """See :class:`_NormOverAll`."""


class _Norm3d(_NormOverAll, nn.BatchNorm3d):
    """See :class:`_NormOverAll`."""


_NORMS: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm1d: _Norm1d,
    nn.BatchNorm2d: _Norm2d,
    nn.BatchNorm3d: _Norm3d,
}


def _change_classes(network: nn.Module, classes: dict[type[nn.Module], type[nn.Module]]) -> None:
    for module in network.modules():
        if type(module) in classes:
            module.__class__ = classes[type(module)]


class _Normalize(torch.autograd.Function):
    """Normalise the own samples by mean and variance of all; return these and their number, too."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        eps: float,
        processes: Processes,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        mean, var = torch.batch_norm_update_stats(wide, None, None, 0.0)
        number = torch.full_like(mean, x.numel() / x.shape[1])
        moments = processes.gather(torch.stack([mean, var, number])[None], processes.n)
        means, variances, numbers = moments.unbind(dim=1)
        n = numbers.sum(dim=0)
        mean = (means * numbers).sum(dim=0) / n
        var = ((variances + (means - mean).square()) * numbers).sum(dim=0) / n
        ctx.save_for_backward(x, weight, mean, var, n)
        ctx.eps, ctx.processes = eps, processes
        ctx.mark_non_differentiable(mean, var, n)
        return F.batch_norm(x, mean, var, weight, bias, eps=eps), mean, var, n

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, var, n = ctx.saved_tensors
        scale = torch.ones_like(mean) if weight is None else weight
        # As if mean and variance were constants ...
        slope, for_scale, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, scale, mean, var, None, None, False, ctx.eps, [True, True, True]
        )
        # ... and what it takes that they change with x.
        of_all_scale, of_all_bias = ctx.processes.total(torch.stack([for_scale, for_bias])) / n
        rstd = (var + ctx.eps).rsqrt()
        per_x = -scale * rstd.square() * of_all_scale
        constant = -scale * rstd * of_all_bias - per_x * mean
        shape = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
        slope.addcmul_(x, per_x.to(x.dtype).view(shape)).add_(constant.to(x.dtype).view(shape))
        if weight is None:
            return slope, None, None, None, None
        return slope, for_scale, for_bias, None, None
