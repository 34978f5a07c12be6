"""Losses of a classifier that learns from samples without labels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_between, check_pair


def fixmatch(weak: Tensor, strong: Tensor, *, threshold: float = 0.95) -> Tensor:
    r"""Cross entropy of strongly changed samples with what is said of weakly changed ones.

    With :math:`q_i` the class probabilities of the weak view of a sample, :math:`p_i` those of its
    strong view, and :math:`\hat q_i` the class that :math:`q_i` holds for the most probable,

    .. math::
        \frac{1}{n} \sum_i 1(\max q_i \ge \tau) \, (-\log p_{i, \hat q_i})

    Samples below the threshold count in :math:`n`, so the loss is small as long as few classes are
    certain.

    Parameters
    ----------
    weak : Tensor of shape (n, n_classes)
        Logits of the weak views. No gradient goes through them.
    strong : Tensor of shape (n, n_classes)
        Logits of the strong views, in the same order.
    threshold : float, default=0.95
        :math:`\tau`, between 0 and 1: how probable a class must be to be learned.

    Returns
    -------
    Tensor of shape ()

    Raises
    ------
    ValueError
        If the shapes of `weak` and `strong` are not two equal shapes (n, n_classes), or `threshold`
        is not between 0 and 1.

    References
    ----------
    Sohn, Berthelot, Li, Zhang, Carlini, Cubuk, Kurakin, Zhang and Raffel, "FixMatch: Simplifying
    Semi-Supervised Learning with Consistency and Confidence", NeurIPS 2020, equation 4.
    https://arxiv.org/abs/2001.07685

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import fixmatch
    >>> weak = torch.tensor([[9.0, 0.0], [0.1, 0.0]])
    >>> strong = torch.tensor([[0.0, 0.0], [5.0, 0.0]])
    >>> round(fixmatch(weak, strong).item(), 4)
    0.3466
    """
    check_pair(weak, strong, names=("weak", "strong"))
    check_between(0, 1, threshold=threshold)
    with full_precision(weak, strong) as (weak, strong):
        probability, label = weak.detach().softmax(dim=1).max(dim=1)
        certain = probability >= threshold
        return (certain * F.cross_entropy(strong, label, reduction="none")).mean()


def pseudo_label(logits: Tensor) -> Tensor:
    r"""Cross entropy of samples with the class that is the most probable for them already.

    .. math:: \frac{1}{n} \sum_i -\log \max_c p_{i, c}

    It draws the boundaries between classes into regions with few samples. Its weight
    beside the loss of labelled samples has to rise slowly: most are wrong at first.

    Parameters
    ----------
    logits : Tensor of shape (n, n_classes)

    Returns
    -------
    Tensor of shape ()

    Raises
    ------
    ValueError
        If `logits` has not the shape (n, n_classes).

    References
    ----------
    Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural
    Networks", ICML 2013 Workshop on Challenges in Representation Learning, equations 14 and 15.

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import pseudo_label
    >>> round(pseudo_label(torch.tensor([[0.0, 0.0]])).item(), 4)
    0.6931
    """
    if logits.ndim != 2:
        raise ValueError(
            f"logits must have the shape (n_samples, n_classes), got {tuple(logits.shape)}."
        )
    with full_precision(logits) as (logits,):
        return F.cross_entropy(logits, logits.argmax(dim=1))
