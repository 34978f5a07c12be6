"""How an embedding lies on the sphere: views near each other, samples far apart."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from skssl.metrics._checks import check_embedding, check_views


def alignment_score(Z: ArrayLike | Tensor) -> float:
    r"""Alignment: how near the views of a sample are to each other.

    With :math:`u_{iv} = z_{iv} / \|z_{iv}\|`, it is the negative mean, over samples and over
    pairs of their views, of the squared distance

    .. math:: -\operatorname{mean} \left\|u_{iv} - u_{iw}\right\|^2, \qquad v \ne w

    so that higher is better, up to 0, where the views of a sample are all the same.

    It says only half of what matters: collapse is the best there can be. Look at
    :func:`uniformity_score` as well. Weak views make it high, so it can only be compared for the
    same views, and embeddings that end in a ReLU, which share a direction, are aligned before
    they are trained.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n_samples, n_views, d)
        The embeddings of at least 2 views of each of at least 2 samples, such as
        :func:`skssl.model_selection.embed_views` makes. They need not be normalised.

    Returns
    -------
    float
        Between -4 and 0.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    References
    ----------
    Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere", ICML 2020, where lower is better.
    https://arxiv.org/abs/2005.10242

    Examples
    --------
    >>> from skssl.metrics import alignment_score
    >>> alignment_score([[[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [0.0, 1.0]]])
    -1.0
    """
    directions = F.normalize(check_views(Z), dim=2)
    q = directions.shape[1]
    # The squared distances of all ordered pairs, by the distances from the mean.
    spread = (directions - directions.mean(dim=1, keepdim=True)).square().sum(dim=(1, 2))
    return -min(4.0, float(2 * spread.mean()) / (q - 1))


def uniformity_score(Z: ArrayLike | Tensor, *, t: float = 2.0) -> float:
    r"""Uniformity: how evenly the directions of the embedding are spread.

    With :math:`u_i = z_i / \|z_i\|`, it is the negative logarithm of the mean Gaussian potential of
    pairs,

    .. math:: -\log \operatorname{mean}_{i \ne j} e^{-t \left\|u_i - u_j\right\|^2}

    so that higher is better, from 0, where all samples have the same direction. With the default
    `t`, directions that are spread evenly over many dimensions have 4; two opposite points have 8.

    It says only half of what matters: noise is spread evenly, too. Look at
    :func:`alignment_score` as well. Clear and narrow clusters lower it, though they are what many
    tasks want, and embeddings that end in a ReLU cannot reach 4.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 2``. It need not be normalised.
    t : float, default=2.0
        Sharpness of the potential; above 0.

    Returns
    -------
    float
        Between 0 and ``4 * t``.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite, or if `t` is not positive.

    References
    ----------
    Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere", ICML 2020, where lower is better.
    https://arxiv.org/abs/2005.10242

    Examples
    --------
    >>> from skssl.metrics import uniformity_score
    >>> uniformity_score([[1.0, 0.0], [-1.0, 0.0]])
    8.0
    """
    if not t > 0:
        raise ValueError(f"t must be above 0, got {t!r}.")
    directions = F.normalize(check_embedding(Z, min_samples=2), dim=1)
    distances = torch.pdist(directions)
    mean = torch.logsumexp(-t * distances.square(), dim=0) - math.log(len(distances))
    return min(4.0 * t, max(0.0, -float(mean)))
