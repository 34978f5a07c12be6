"""What is known of the rows that a classifier or a regressor is fine-tuned on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split
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

    @property
    def others(self) -> np.ndarray:
        """Rows that have no label, nor one that is kept."""
        return ~(self.known | self.held_out)

    def take(self, rows: np.ndarray) -> Labels:
        """Return what is known of some rows."""
        return Labels(*(part[rows] for part in vars(self).values()))

    def relative(self, rows: np.ndarray) -> np.ndarray:
        """Return the weights of some rows, in units of the mean weight of those to learn from."""
        return self.weights[rows] / self.weights[self.known].mean()

    def tensors(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return the targets of some rows, and their relative weights."""
        weights = torch.tensor(self.relative(rows), dtype=torch.float32)
        return torch.tensor(self.targets[rows]), weights

    def hold_out(self, share: float, strata: np.ndarray | None, *, seed: int) -> None:
        """Keep a share of the labels from being learned, at least one of each of the `strata`."""
        rows = np.flatnonzero(self.known)
        n_groups = 1 if strata is None else len(np.unique(strata))
        _, held_out = train_test_split(
            rows,
            test_size=max(round(share * len(rows)), n_groups),
            stratify=strata,
            random_state=seed,
        )
        self.known[held_out], self.held_out[held_out] = False, True
