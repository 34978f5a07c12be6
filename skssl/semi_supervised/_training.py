"""A training of an encoder together with a head."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping
from torch import Tensor

from skssl.base import SelfSupervisedTransformer
from skssl.nn import (
    Objective,
    Plan,
    adapted,
    is_batch_norm,
    layer_rates,
    learned_batch_norms,
)
from skssl.semi_supervised._objectives import SupervisedObjective
from skssl.semi_supervised._rows import Labels
from skssl.training import Batches, BatchesWithOthers, Net, make_optimizer, resolve_device, train

# The rate rises over a tenth of the training, in which the loss may well get worse at first.
_PATIENCE, _FEWEST_EPOCHS = 0.2, 10


class HeldOutLoss(Callback):
    """Records ``valid_loss``, that of rows that nothing is learned from, after every epoch.

    Parameters
    ----------
    samples : Tensor
        Prepared samples.
    targets, weights : Tensor of shape (n,)
    """

    # Where a training goes on, it gets the same rows.
    in_net_state = False

    def __init__(self, samples: Tensor, targets: Tensor, weights: Tensor):
        self.samples = samples
        self.targets = targets
        self.weights = weights

    @torch.no_grad()
    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        objective = net.module_.eval()
        batches = self.samples.split(net.batch_size)
        outputs = torch.cat(
            [objective.outputs(net.input_layer(batch.to(net.device))) for batch in batches]
        )
        targets, weights = self.targets.to(net.device), self.weights.to(net.device)
        loss = objective.weighted_loss(outputs, targets, weights)
        net.history.record("valid_loss", loss.item())


def fine_tune(
    objective: SupervisedObjective,
    samples: Tensor,
    labels: Labels,
    *,
    method: SelfSupervisedTransformer,
    n_others: int,
    batch_size: int,
    learning_rate: float,
    layer_decay: float,
    weight_decay: float,
    epochs: int,
    plan: Plan,
    seed: int,
    **settings: Any,
) -> tuple[Net, str | None]:
    """Train an objective on the rows that have a label to learn, and on others if it wants some.

    Returns what :func:`~skssl.training.train` does.

    Parameters
    ----------
    objective : SupervisedObjective
    samples : Tensor
        All prepared samples.
    labels : Labels
        What is known of them.
    method : SelfSupervisedTransformer
        The fitted method, whose views, device and precision are used.
    n_others : int
        How many rows without their labels are in a batch.
    batch_size : int
        How many rows with them; all, if there are fewer.
    learning_rate, layer_decay, weight_decay : float
    epochs : int
    plan : Plan
        What of the encoder is trained.
    seed : int
    **settings : dict
        Other parameters of :func:`~skssl.training.train`.

    Raises
    ------
    ValueError
        If BatchNorm layers would have to learn from one row at a time.
    """
    n_known = int(labels.known.sum())
    norms = [module for module in objective.encoder.modules() if is_batch_norm(module)]
    if min(batch_size, n_known) == 1 and len(learned_batch_norms(objective.encoder)) < len(norms):
        raise ValueError(
            f"batch_size={batch_size} and {n_known} labelled row(s) to learn from make batches of "
            "a single one, but the BatchNorm layers of an encoder that nothing has trained yet "
            "need at least 2."
        )
    batch_size = min(batch_size, n_known)
    used = samples[labels.known]
    make_batches: Callable[..., Batches] = Batches
    if n_others:
        used = torch.cat([used, samples[labels.others]])
        make_batches = partial(BatchesWithOthers, n_first=n_known, n_others=n_others)
    stopping = []
    if labels.held_out.any():
        patience = max(_FEWEST_EPOCHS, int(_PATIENCE * epochs))
        stopping = [
            HeldOutLoss(samples[labels.held_out], *labels.tensors(labels.held_out)),
            EarlyStopping("valid_loss", patience=patience, load_best=True),
        ]

    with adapted(objective, plan, seed=seed):
        rates = layer_rates(objective.encoder, objective.head, layer_decay)

        def optimizer_of(objective: Objective) -> torch.optim.Optimizer:
            return make_optimizer(objective, "adamw", learning_rate, weight_decay, rates)

        return train(
            objective,
            used,
            epochs=epochs,
            steps_per_epoch=n_known // batch_size,
            device=resolve_device(method.device),
            precision=method.precision,
            first_callbacks=stopping,
            views=method.views_,
            # The method's own stays where it is.
            input_layer=copy.deepcopy(method.encoder_.prepare),
            make_optimizer=optimizer_of,
            make_batches=make_batches,
            batch_size=batch_size,
            seed=seed,
            **settings,
        )
