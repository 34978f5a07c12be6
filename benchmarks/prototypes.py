"""Nearest prototypes that unlabelled rows have moved to the middle of their groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import normalize


class SoftPrototypes(ClassifierMixin, BaseEstimator):
    """The most similar of the classes' mean directions, which unlabelled rows take part in.

    The directions start at the labelled rows. In every round, all rows are given to the classes in
    shares that fall with the angle, labelled rows wholly to their own, and the directions become
    the means of these: k-means on a sphere, with soft assignments, from the labels. With a label
    or two for each class, what groups the rows form says more than where these few lie.

    Parameters
    ----------
    temperature : float, default=0.1
        Divides the cosine similarities; the customary value for embeddings.
    n_rounds : int, default=10
        0 leaves the mean directions of the labelled rows.
    label_weight : float, default=5
        How many unlabelled rows one labelled row outweighs.
    """

    def __init__(self, temperature: float = 0.1, n_rounds: int = 10, label_weight: float = 5):
        self.temperature = temperature
        self.n_rounds = n_rounds
        self.label_weight = label_weight

    def fit(self, Z: np.ndarray, y: np.ndarray) -> SoftPrototypes:
        """Find the directions; y is -1 where there is no label."""
        known = y != -1
        self.classes_, labels = np.unique(y[known], return_inverse=True)
        directions = normalize(Z)
        own = self.label_weight * np.eye(len(self.classes_))[labels]
        self.prototypes_ = normalize(own.T @ directions[known])
        for _ in range(self.n_rounds):
            shares = self._shares(directions)
            shares[known] = own
            self.prototypes_ = normalize(shares.T @ directions)
        return self

    def _shares(self, directions: np.ndarray) -> np.ndarray:
        return softmax(directions @ self.prototypes_.T / self.temperature, axis=1)

    def predict_proba(self, Z: Any) -> np.ndarray:
        """Return the shares of the classes."""
        return self._shares(normalize(Z))

    def predict(self, Z: Any) -> np.ndarray:
        """Return the most similar class."""
        return self.classes_[self.predict_proba(Z).argmax(axis=1)]
