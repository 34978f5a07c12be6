"""One training: the skorch net that trains every method, and what goes around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer
from skorch.utils import TeeGenerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from skssl._checkpoint import Checkpoint
from skssl._interrupts import Interrupts
from skssl._processes import is_first, of_first
from skssl._quote import quoted_path
from skssl._streams import Stream
from skssl._types import Callbacks
from skssl._warn import warn
from skssl.exceptions import NonFiniteLossError
from skssl.nn import Objective, unshared
from skssl.training._as_one import as_one, average_gradients
from skssl.training._batches import Batches, StreamedBatches, all_batches, known_samples, place
from skssl.training._device import OwnRandomness, uses_bfloat16
from skssl.training._loss import REMEDY, check_loss, finite_mean
from skssl.training._memory import with_memory_advice
from skssl.training._progress import Progress
from skssl.training._schedule import after_head, constant, warmup_cosine
from skssl.training._state import restore, state_of
from skssl.views import ViewKind, Views, draw_views

# Steps between two looks at the loss within an epoch, so that a long one does not go on in vain.
_LOSS_CHECK_INTERVAL = 200
# Training samples whose embedding is looked at after the last step.
_SAMPLES_LOOKED_AT = 8


class Net(NeuralNet):
    """Trains an objective on a tensor of prepared samples; no step waits for the device.

    Parameters
    ----------
    module : Objective
    views : Views
    input_layer : nn.Module
        Turns a prepared batch into floats, on the device.
    make_optimizer : callable
        Returns the optimizer of an objective.
    seed : int
        For the order of the samples and for the views.
    steps : int
        Steps of the whole training, over which the learning rate warms up and decays.
    constant_rate : bool
        Keep the learning rate as it is instead.
    max_seconds : float or None
        Time after which the training is over, with the learning rate at its end. One step is done
        in any case.
    autocast : bool
        Compute in bfloat16 where that is safe.
    make_batches : callable
        Returns the random batches of all samples, with the parameters of :class:`Batches`.
    checkpoint : Checkpoint or None
        Where the training is written now and then, and from which it goes on.
    """

    def __init__(
        self,
        module: Objective,
        *,
        views: Views,
        input_layer: nn.Module,
        make_optimizer: Callable[[Objective], Optimizer],
        seed: int,
        steps: int,
        constant_rate: bool,
        max_seconds: float | None = None,
        autocast: bool,
        make_batches: Callable[..., Batches] = Batches,
        checkpoint: Checkpoint | None = None,
        **kwargs: object,
    ):
        self.views = views
        self.input_layer = input_layer
        self.make_optimizer = make_optimizer
        self.seed = seed
        self.steps = steps
        self.constant_rate = constant_rate
        self.max_seconds = max_seconds
        self.autocast = autocast
        self.make_batches = make_batches
        self.checkpoint = checkpoint
        # The objective computes the loss itself; skorch wants a criterion all the same.
        super().__init__(module, criterion=nn.Identity, train_split=None, **kwargs)

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return [("epoch_timer", EpochTimer())]

    def train(
        self,
        samples: Tensor | Stream,
        interrupts: Interrupts,
        optimizer_state: dict | None = None,
    ) -> bool:
        """Train on `samples`; return whether the user interrupted it.

        Raises
        ------
        NonFiniteLossError
            If the loss becomes NaN or infinite, or weights or embeddings do in the last step.
        KeyboardInterrupt
            If the user interrupts it before the first step is done.
        """
        device = torch.device(self.device)
        self.interrupts_ = interrupts
        # For dropout, and what users' views and encoders draw.
        self.randomness_ = OwnRandomness(self.seed, device)
        self.steps_done_ = 0
        self.stopped_by_callback_ = False
        self.time_is_up_ = False
        self.began_at_ = time.perf_counter()
        self.passed_ = 0.0
        self.draw_generator_ = torch.Generator(device).manual_seed(self.seed)
        self.initialize()
        self.input_layer.to(device)
        if optimizer_state is not None:
            self.optimizer_.load_state_dict(optimizer_state)
        factors = [self._schedule_of(group) for group in self.optimizer_.param_groups]
        self.schedule_ = LambdaLR(
            self.optimizer_, [partial(self._factor_of_step, factor) for factor in factors]
        )
        before = self.checkpoint.net if self.checkpoint is not None else None
        if before is not None:
            self.steps_done_ = before["steps"]
            self.history.extend(before["history"])
        self.notify("on_train_begin", X=samples, y=None)
        self.infinite_before_ = self._not_finite()
        if before is not None:
            restore(self, before)
        interrupted = False
        try:
            self._set_training(True)
            if before is None:
                batches = partial(self._batches_of_all, samples)
                with self.randomness_.in_use():
                    self.module_.before_training(batches, self.draw_views)
            self.began_at_ = time.perf_counter()
            self.fit_loop(samples, before)
        except KeyboardInterrupt:
            if not self.steps_done_:
                raise
            interrupted = not self.stopped_by_callback_
        finally:
            try:
                # Callbacks see what was trained, and may bring back what it was in the best epoch.
                self.notify("on_train_end", X=samples, y=None)
            finally:
                self.module_.after_training(goes_on=self.constant_rate)
        if self.steps_done_:
            self._check_what_is_left(samples)
        return interrupted

    def fit_loop(self, X: Tensor | Stream, before: dict[str, Any] | None = None) -> Net:
        """Go through the epochs, from the middle of one if a training goes on."""
        batches = self.get_iterator(X, training=True)
        if before is not None:
            batches.go_on(before["order"], len(before["losses"]))
        datasets = {"dataset_train": X, "dataset_valid": None}
        n_over = 0 if before is None else len(self.history) - 1
        for _ in range(n_over, self.max_epochs):
            if before is None:
                self.notify("on_epoch_begin", **datasets)
            self.run_single_epoch(batches, () if before is None else before["losses"])
            before = None
            self.notify("on_epoch_end", **datasets)
        return self

    def _not_finite(self) -> set[str]:
        """Return the names of weights and buffers that hold what is not finite."""
        named = {**dict(self.module_.named_parameters()), **dict(self.module_.named_buffers())}
        floats = {name: t for name, t in named.items() if t.is_floating_point() and t.numel()}
        if not floats:
            return set()
        with torch.no_grad():
            finite = torch.stack([t.isfinite().all() for t in floats.values()]).tolist()
        return {name for name, is_finite in zip(floats, finite, strict=True) if not is_finite}

    def _check_what_is_left(self, samples: Tensor | Stream) -> None:
        """Look at what the last step made, which no loss has seen.

        A network may hold minus infinity from the start, in a mask for example.
        """
        broken = sorted(self._not_finite() - self.infinite_before_)
        what = f"{broken[0]!r} among its weights is" if broken else ""
        if not broken:
            was_training = self.module_.training
            self.module_.eval()
            with torch.no_grad():
                some = known_samples(samples)[:_SAMPLES_LOOKED_AT].to(self.device)
                embedded = self.module_.embed(self.input_layer(some))
            self.module_.train(was_training)
            if not all(part.isfinite().all() for part in embedded if part is not None):
                what = "the embeddings of training samples are"
        if what:
            raise NonFiniteLossError(
                f"The training diverged in its last step, number {self.steps_done_}: {what} not "
                f"finite. {REMEDY}"
            )

    def part_of_time(self, *, after_one_more: bool = False) -> float:
        """Return the part of `max_seconds` that is over, or will be after another step."""
        if self.max_seconds is None:
            return 0.0
        passed = self.passed_
        step = passed / self.steps_done_ if after_one_more and self.steps_done_ else 0.0
        return (passed + step) / (max(self.max_seconds, passed) + step)

    def _look_at_the_watch(self) -> float:
        """Return the seconds since the training began, for all processes those of the first."""
        self.passed_ = of_first(time.perf_counter() - self.began_at_)
        return self.passed_

    def _schedule_of(self, group: dict[str, Any]) -> Callable[[float], float]:
        """Return how the learning rate of a group changes over the training."""
        if self.constant_rate or group["steady"]:
            return constant
        return after_head if group["late"] else warmup_cosine

    def part_at(self, step: int) -> float:
        """Return the part of the training that is over when a step is under way."""
        # Steps count from 0. Neither the first nor the last one is to be wasted on a rate of zero.
        return max((step + 1) / (self.steps + 1), self.part_of_time(after_one_more=True))

    def _factor_of_step(self, factor: Callable[[float], float], step: int) -> float:
        return factor(self.part_at(step))

    def _look_at_the_clock(self) -> None:
        """End the training if another step would end later after its time than this one before."""
        if self.max_seconds is not None:
            passed = self._look_at_the_watch()
            half_a_step = passed / self.steps_done_ / 2
            self.time_is_up_ = passed + half_a_step >= self.max_seconds

    def records(self) -> list[dict[str, float]]:
        """Return what was recorded for each epoch that trained, without single batches."""
        return [
            {name: value for name, value in row.items() if name != "batches"}
            for row in self.history
            if "train_loss" in row
        ]

    def _batches_of_all(self, samples: Tensor | Stream) -> Iterator[tuple[Tensor, Tensor]]:
        # BatchNorm has to see a mixture, however the rows are sorted, and never a single one.
        generator = torch.Generator().manual_seed(self.seed)
        for rows, batch in all_batches(samples, batch_size=self.batch_size, generator=generator):
            self.interrupts_.ask()
            self.interrupts_.check()
            yield rows.to(self.device), self.input_layer(batch.to(self.device))

    def initialize_optimizer(self, triggered_directly: None = None) -> Net:
        self.optimizer_ = self.make_optimizer(self.module_)
        return self

    def get_dataset(self, X: Tensor | Stream, y: None = None) -> Tensor | Stream:
        return X

    def get_iterator(
        self, dataset: Tensor | Stream, training: bool = False
    ) -> Batches | StreamedBatches:
        generator = torch.Generator().manual_seed(self.seed)
        how = {"batch_size": self.batch_size, "device": torch.device(self.device)}
        if isinstance(dataset, Stream):
            return StreamedBatches(dataset, generator=generator, **how)
        return self.make_batches(dataset, generator=generator, **how)

    def notify(self, method_name: str, **cb_kwargs: object) -> None:
        try:
            super().notify(method_name, **cb_kwargs)
            if method_name == "on_epoch_end" and self.time_is_up_:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            # This is how skorch's callbacks, such as EarlyStopping, end a training.
            self.stopped_by_callback_ = True
            raise

    def on_epoch_begin(self, net: NeuralNet, **kwargs: object) -> None:
        if self.history:
            self.history[-1]["batches"].clear()
        super().on_epoch_begin(net, **kwargs)

    def run_single_epoch(self, batches: Batches, losses_before: Sequence[float] | Tensor) -> None:
        """Go through the batches once, and read the losses from the device only at the end.

        Parameters
        ----------
        batches : Batches
        losses_before : sequence of float
            Of batches of this epoch that are done.
        """
        self._set_training(True)
        done = len(losses_before)
        losses = torch.empty(len(batches), device=self.device)
        losses[:done] = torch.as_tensor(losses_before)
        seen = torch.zeros((), pin_memory=losses.is_cuda)
        try:
            for batch in batches:
                self._keep(batches, losses[:done])
                self.interrupts_.check()
                self.notify("on_batch_begin", batch=batch, training=True)
                with self.randomness_.in_use():
                    self.module_.before_step(batches.rows)
                    step = self.train_step(batch)
                losses[done] = step["loss"]
                done += 1
                self.notify("on_batch_end", batch=batch, training=True, **step)
                self._look_at_the_clock()
                if self.time_is_up_:
                    break
                if done % _LOSS_CHECK_INTERVAL == 0:
                    if not seen.isfinite():
                        break
                    # On CUDA it arrives some time later, for the next check: nothing waits. Apple's
                    # GPUs do not keep such copies in order with what reads them.
                    seen.copy_(step["loss"], non_blocking=losses.is_cuda)
        finally:
            if done:
                first_step = self.steps_done_ - done + 1
                self.history.record("train_loss", finite_mean(losses[:done], first_step))
                for name, value in self.module_.take_measures().items():
                    self.history.record(name, value)

    def _keep(self, batches: Batches, losses: Tensor) -> None:
        """Write the checkpoint if it is time, or if the training is to end here."""
        ends = self.interrupts_.ask()
        if self.checkpoint is not None and self.checkpoint.is_due(self.steps_done_, ends=ends):
            with unshared():
                self.checkpoint.write(state_of(self, batches, losses), steps=self.steps_done_)

    def train_step(self, batch: Tensor, **fit_params: object) -> dict[str, Tensor]:
        self.optimizer_.zero_grad()
        device_type = batch.device.type
        # Within an autocast of the user's, weights are cast once and for all.
        torch.clear_autocast_cache()
        with torch.autocast(device_type, torch.bfloat16, enabled=self.autocast):
            loss = self.module_(self.input_layer(batch), self.draw_views)
        check_loss(loss, self.module_)
        loss.backward()
        average_gradients(self.module_)
        self.notify(
            "on_grad_computed",
            named_parameters=TeeGenerator(self.get_all_learnable_params()),
            batch=batch,
            training=True,
        )
        try:
            self.optimizer_.step()
        except RuntimeError as error:
            if "without overflow" not in str(error):
                raise
            # Some of torch's operations refuse a rate or a decay that float32 cannot hold.
            raise NonFiniteLossError(
                f"Step {self.steps_done_ + 1} is too large for float32. {REMEDY}"
            ) from error
        if self.max_seconds is not None:
            self._look_at_the_watch()
        self.schedule_.step()
        self.steps_done_ += 1
        # A training that goes on call by call is always in the middle.
        progress = 0.5 if self.constant_rate else min(1.0, self.steps_done_ / self.steps)
        self.module_.after_step(max(progress, self.part_of_time()))
        return {"loss": loss.detach()}

    def draw_views(self, batch: Tensor, n_views: int, *, kind: ViewKind = "global") -> list[Tensor]:
        """Return `n_views` random views of every sample of `batch`."""
        views = self.views.of_kind(kind)
        with torch.autocast(batch.device.type, enabled=False):
            return draw_views(views, batch, n_views, generator=self.draw_generator_)


def train(
    objective: Objective,
    samples: Tensor | Stream,
    *,
    title: str,
    epochs: int,
    steps_per_epoch: int,
    device: torch.device,
    precision: str,
    callbacks: Callbacks,
    first_callbacks: Sequence[object],
    verbose: int,
    optimizer_state: dict[str, object] | None,
    interrupts: Interrupts,
    **net_params: Any,
) -> tuple[Net, str | None]:
    """Train an objective; return the net and, if the user interrupted it, how far it came.

    Parameters
    ----------
    objective : Objective
    samples : Tensor or Stream
        Prepared samples, on the CPU, or read while they are needed.
    title : str
        What the progress bar and a warning call the training.
    epochs, steps_per_epoch : int
    device : torch.device
    precision : {"auto", "float32", "bfloat16"}
    callbacks : skorch callback, list of them or None
        The user's own.
    first_callbacks : sequence of skorch callbacks
        Those whose measures the user's own find.
    verbose : int
    optimizer_state : dict or None
        Of a training that goes on.
    interrupts : Interrupts
        Kept from here on, until the step that is under way is done.
    **net_params : dict
        Other parameters of :class:`Net`.
    """
    all_callbacks = [*first_callbacks, *_listed(callbacks)]
    if verbose and is_first():
        all_callbacks.append(Progress(title, each_epoch=verbose > 1))
    net = Net(
        objective,
        steps=epochs * steps_per_epoch,
        autocast=uses_bfloat16(precision, device, objective),
        max_epochs=epochs,
        callbacks=all_callbacks,
        device=device,
        verbose=0,
        **net_params,
    )
    interrupts.keep(termination=net.checkpoint is not None)

    def run() -> bool:
        with as_one(net, samples):
            return net.train(place(samples, device), interrupts, optimizer_state)

    interrupted = with_memory_advice(
        run,
        title=title,
        doing="training",
        batch_size=net.batch_size,
        device=device,
    )
    if net.time_is_up_ and net.steps_done_ == 1 < net.steps:
        warn(
            f"{title}: max_time was over after a single step of {net.steps}, so that hardly "
            "anything was learned."
        )
    if not interrupted:
        return net, None
    file = net.checkpoint and quoted_path(net.checkpoint.said)
    remedy = f" Run it again to go on from {file}." if file else ""
    return net, (
        f"{title}: interrupted after {net.steps_done_} of {net.steps} steps. What was learned "
        f"so far is kept in the estimator.{remedy}"
    )


def _listed(callbacks: Callbacks) -> list[Callback | tuple[str, Callback]]:
    """Return the user's callbacks: skorch's take instances and classes, also with a name."""
    listed = callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []
    for position, callback in enumerate(listed):
        named = callback[1] if isinstance(callback, tuple) and len(callback) == 2 else callback
        if not hasattr(named, "on_train_begin"):
            raise TypeError(
                f"callbacks has {callback!r} at position {position}; allowed are callbacks of "
                "skorch, or tuples of a name and one."
            )
    return listed
