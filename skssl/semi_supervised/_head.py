"""Heads, whose training starts from the exact solution on frozen embeddings or from zero."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn.utils import skip_init

from skssl._labels import quiet_about_few_labels
from skssl._standardize import Standardize

_MOST_ITERATIONS = 2000


class Unscale(nn.Module):
    """Turn what a head says of scaled targets into the targets.

    Parameters
    ----------
    mean, scale : float
        Of the targets.
    """

    def __init__(self, mean: float, scale: float):
        super().__init__()
        self.mean = mean
        self.scale = scale

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs[:, 0] * self.scale + self.mean


def linear_head(scaler: StandardScaler, coef: np.ndarray, intercept: np.ndarray) -> nn.Sequential:
    """Return a linear map of standardised embeddings, with these weights, as a network."""
    linear = _linear(coef, intercept)
    mean, std = (torch.tensor(a, dtype=torch.float32) for a in (scaler.mean_, scaler.scale_))
    return nn.Sequential(OrderedDict(standardize=Standardize(mean, std), linear=linear))


def blank_head(dim: int, n_outputs: int) -> nn.Sequential:
    """Return a linear map of embeddings that says 0 of all."""
    linear = _linear(np.zeros((n_outputs, dim)), np.zeros(n_outputs))
    return nn.Sequential(OrderedDict(linear=linear))


def empty_head(dim: int, n_outputs: int, *, standardizes: bool) -> nn.Sequential:
    """Return a head of one of the two forms, for what was learned to be filled in."""
    if not standardizes:
        return blank_head(dim, n_outputs)
    linear = _linear(np.zeros((n_outputs, dim)), np.zeros(n_outputs))
    standardize = Standardize(torch.zeros(dim), torch.ones(dim))
    return nn.Sequential(OrderedDict(standardize=standardize, linear=linear))


def _linear(coef: np.ndarray, intercept: np.ndarray) -> nn.Linear:
    n_outputs, dim = coef.shape
    # Its random weights would be drawn from torch's global generator.
    linear = skip_init(nn.Linear, dim, n_outputs)
    with torch.no_grad():
        linear.weight.copy_(torch.as_tensor(coef))
        linear.bias.copy_(torch.as_tensor(intercept))
    return linear


def fit_classifier_head(
    scaler: StandardScaler, Z: np.ndarray, y: np.ndarray, weights: np.ndarray, n_classes: int
) -> nn.Sequential:
    """Return the head whose logits are those of scikit-learn's logistic regression.

    Parameters
    ----------
    scaler : StandardScaler
        Of the embeddings of all rows.
    Z : ndarray of shape (n, d)
        Embeddings of the labelled rows.
    y : ndarray of shape (n,)
        Their classes, as numbers below `n_classes`. Those of no row get a logit of 0.
    weights : ndarray of shape (n,)
    n_classes : int
    """
    coef, intercept = np.zeros((n_classes, Z.shape[1])), np.zeros(n_classes)
    seen = np.unique(y)
    if len(seen) > 1:
        model = LogisticRegression(max_iter=_MOST_ITERATIONS)
        with quiet_about_few_labels():
            model.fit(scaler.transform(Z), y, sample_weight=weights)
        if len(seen) == 2:
            # One difference of logits, as two logits.
            coef[seen] = np.concatenate([-model.coef_, model.coef_]) / 2
            intercept[seen] = np.concatenate([-model.intercept_, model.intercept_]) / 2
        else:
            coef[seen], intercept[seen] = model.coef_, model.intercept_
    return linear_head(scaler, coef, intercept)
