"""The loss of held-out rows, for early stopping."""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor


class HeldOutLoss(Callback):
    """Records ``valid_loss``, that of rows that nothing is learned from, after every epoch.

    Parameters
    ----------
    samples : Tensor
        Prepared samples.
    targets, weights : Tensor of shape (n,)
    """

    def __init__(self, samples: Tensor, targets: Tensor, weights: Tensor):
        self.samples = samples
        self.targets = targets
        self.weights = weights

    @torch.no_grad()
    def on_epoch_end(
        self, net: NeuralNet, dataset_train: Any = None, dataset_valid: Any = None, **kwargs: Any
    ) -> None:
        objective = net.module_.eval()
        batches = self.samples.split(net.batch_size)
        outputs = torch.cat(
            [objective.outputs(net.input_layer(batch.to(net.device))) for batch in batches]
        )
        targets, weights = self.targets.to(net.device), self.weights.to(net.device)
        loss = objective.weighted_loss(outputs, targets, weights)
        net.history.record("valid_loss", loss.item())
