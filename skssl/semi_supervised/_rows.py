"""What is known of the rows that a classifier or a regressor is fine-tuned on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass
class Labels:
    """What is known of the rows of `X`.

    Parameters
    ----------
    targets : ndarray of shape (n,)
        As the loss takes them; 0 for rows without a label.
    weights : ndarray of shape (n,)
    known : ndarray of shape (n,), bool
        Which rows have a label to learn.
    held_out : ndarray of shape (n,), bool
        Which rows have a label that is kept for early stopping.
    """

    targets: np.ndarray
    weights: np.ndarray
    known: np.ndarray
    held_out: np.ndarray

    def take(self, rows: np.ndarray) -> Labels:
        """Return what is known of some rows."""
        return Labels(*(part[rows] for part in vars(self).values()))

    def tensors(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the targets of some rows, and their weights with a mean of 1."""
        weights = self.weights[rows] / self.weights[self.known].mean()
        return torch.tensor(self.targets[rows]), torch.tensor(weights, dtype=torch.float32)
