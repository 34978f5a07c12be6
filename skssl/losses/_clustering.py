"""Losses that predict which prototypes the other views of a sample are assigned to."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_positive, check_rows, check_views


def sinkhorn(scores: Tensor, *, epsilon: float = 0.05, n_iterations: int = 3) -> Tensor:
    r"""Assign samples to prototypes so that all prototypes are used alike.

    The Sinkhorn-Knopp algorithm on :math:`Q = \exp(\mathrm{scores} / \epsilon)`: the columns and
    the rows of :math:`Q` are scaled in turn, columns to equal sums, rows to the sum 1, rows last.
    It is computed with logarithms, so that no sample and no prototype is lost to underflow.

    Parameters
    ----------
    scores : Tensor of shape (n, k)
        Similarity of each sample to each prototype.
    epsilon : float
        Smoothness, above 0: low values assign each sample to one prototype, high values to all.
    n_iterations : int
        How often columns and rows are scaled, at least 1.

    Returns
    -------
    Tensor of shape (n, k)
        The assignments, whose rows sum to 1. They serve as targets, so no gradient flows through
        them.

    Raises
    ------
    ValueError
        If `scores` is not of the shape (n, k), `epsilon` is not above 0, or `n_iterations` is
        below 1.

    References
    ----------
    Caron, Misra, Mairal, Goyal, Bojanowski and Joulin, "Unsupervised Learning of Visual Features
    by Contrasting Cluster Assignments", NeurIPS 2020. https://arxiv.org/abs/2006.09882

    Cuturi, "Sinkhorn Distances: Lightspeed Computation of Optimal Transport", NeurIPS 2013.
    https://arxiv.org/abs/1306.0895

    Examples
    --------
    Both samples are closer to the first prototype; the one that is less so gets the second:

    >>> import torch
    >>> from skssl.losses import sinkhorn
    >>> sinkhorn(torch.tensor([[0.9, 0.1], [0.9, 0.5]])).argmax(dim=1)
    tensor([0, 1])
    """
    if scores.ndim != 2:
        raise ValueError(
            f"scores must have the shape (n_samples, n_prototypes), got {tuple(scores.shape)}."
        )
    check_positive(epsilon=epsilon)
    if n_iterations < 1:
        raise ValueError(f"n_iterations={n_iterations!r} must be at least 1.")
    with torch.no_grad(), full_precision(scores) as (scores,):
        log_q = scores / epsilon
        for _ in range(n_iterations):
            log_q = F.log_softmax(log_q, dim=0)
            log_q = F.log_softmax(log_q, dim=1)
        return log_q.exp()


def swav(
    scores: Sequence[Tensor] | Tensor,
    *,
    n_assign: int = 2,
    temperature: float = 0.1,
    epsilon: float = 0.05,
    n_iterations: int = 3,
    queue_scores: Sequence[Tensor] | None = None,
) -> Tensor:
    r"""Swap assignments to prototypes between views, the loss of SwAV.

    Each of the first :math:`A` views assigns the samples to prototypes, and every other one of the
    :math:`V` views predicts that. With :math:`q_a` the assignments from the view's own scores
    (:func:`sinkhorn`) and :math:`s_v` the scores,

    .. math::
        -\frac{1}{A (V - 1)} \sum_{a=1}^{A} \sum_{v \ne a} \frac{1}{n} \sum_i
        q_{ai} \cdot \log \operatorname{softmax}(s_{vi} / T)

    As in the authors' code, each view is assigned on its own, not jointly with the others.

    Parameters
    ----------
    scores : sequence of Tensor of shape (n, k), or Tensor of shape (V, n, k)
        Similarity of each sample to each prototype, one tensor per view; cosines in the paper, so
        the caller normalises projections and prototypes. The views that assign come first; small
        crops follow.
    n_assign : int
        The :math:`A` of the formula.
    temperature : float
        The :math:`T` of the formula, above 0.
    epsilon : float
        Smoothness of the assignments, above 0.
    n_iterations : int
        How often :func:`sinkhorn` scales columns and rows.
    queue_scores : sequence of `n_assign` Tensor of shape (m, k), default=None
        Scores of earlier samples, which help to use all prototypes alike where batches are
        smaller than the number of prototypes. They take part in the assignment only.

    Returns
    -------
    Tensor of shape ()
        The mean over the pairs of views, and over samples. No gradient flows through the
        assignments.

    Raises
    ------
    ValueError
        If there are fewer than 2 views, their shapes are not equal, `n_assign` is not between 1
        and their number, `queue_scores` does not match, or a temperature is not above 0.

    References
    ----------
    Caron, Misra, Mairal, Goyal, Bojanowski and Joulin, "Unsupervised Learning of Visual Features
    by Contrasting Cluster Assignments", NeurIPS 2020. https://arxiv.org/abs/2006.09882

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import swav
    >>> scores = torch.eye(4)
    >>> round(swav([scores, scores]).item(), 4)
    0.0001
    """
    views = check_views(scores, min_views=2, name="scores")
    n_views, n, n_prototypes = views.shape
    if not 1 <= n_assign <= n_views:
        raise ValueError(f"n_assign={n_assign!r} must be between 1 and the {n_views} views.")
    if queue_scores is not None:
        if len(queue_scores) != n_assign:
            raise ValueError(
                f"queue_scores must hold n_assign={n_assign} tensors, got {len(queue_scores)}."
            )
        for queued in queue_scores:
            check_rows(queued, n_prototypes, name="queue_scores")
    check_positive(temperature=temperature)
    with full_precision(views) as (views,):
        log_predictions = F.log_softmax(views / temperature, dim=-1)
        cross_entropies = []
        for assigning in range(n_assign):
            own = views[assigning]
            if queue_scores is not None:
                own = torch.cat([own, queue_scores[assigning].to(own.dtype)])
            targets = sinkhorn(own, epsilon=epsilon, n_iterations=n_iterations)[:n]
            cross_entropies += [
                -(targets * log_predictions[view]).sum(dim=1).mean()
                for view in range(n_views)
                if view != assigning
            ]
        return torch.stack(cross_entropies).mean()
