"""Losses that tell the other view of a sample from the views of other samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_pair, check_positive, check_rows


def nt_xent(z1: Tensor, z2: Tensor, *, temperature: float) -> Tensor:
    r"""Normalised temperature-scaled cross entropy (NT-Xent), the loss of SimCLR.

    With :math:`s_{ij}` the cosine similarity of two of the :math:`2n` projections, and
    :math:`p(i)` the other view of the sample that :math:`i` shows,

    .. math:: \frac{1}{2n} \sum_i -\log \frac{\exp(s_{i,p(i)} / T)}{\sum_{k \ne i} \exp(s_{ik} / T)}

    Parameters
    ----------
    z1, z2 : Tensor of shape (n, d)
        Projections of two views of the same `n` samples, in the same order. They need not be
        normalised.
    temperature : float
        The :math:`T` of the formula, above 0.

    Returns
    -------
    Tensor of shape ()
        The mean over all :math:`2n` projections.

    Raises
    ------
    ValueError
        If the shapes of `z1` and `z2` are not two equal shapes (n, d), or `temperature` is not
        above 0.

    References
    ----------
    Chen, Kornblith, Norouzi and Hinton, "A Simple Framework for Contrastive Learning of Visual
    Representations", ICML 2020, equation 1. https://arxiv.org/abs/2002.05709

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import nt_xent
    >>> z = torch.eye(4)
    >>> round(nt_xent(z, z, temperature=0.1).item(), 4)
    0.0003
    """
    check_pair(z1, z2)
    check_positive(temperature=temperature)
    n = len(z1)
    with full_precision(z1, z2) as (z1, z2):
        z = F.normalize(torch.cat([z1, z2]), dim=1)
        logits = z @ z.T / temperature
        itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
        logits = logits.masked_fill(itself, float("-inf"))
        other_view = torch.arange(2 * n, device=z.device).roll(n)
        return F.cross_entropy(logits, other_view)


def info_nce(
    queries: Tensor, keys: Tensor, *, temperature: float, negatives: Tensor | None = None
) -> Tensor:
    r"""InfoNCE: find the key of each query among other keys, in one direction.

    With :math:`q_i`, :math:`k_i` the L2-normalised queries and keys, and :math:`N` the normalised
    candidates that a query could be mistaken for,

    .. math::
        \frac{1}{n} \sum_i -\log \frac{\exp(q_i \cdot k_i / T)}
        {\exp(q_i \cdot k_i / T) + \sum_{c \in N} \exp(q_i \cdot c / T)}

    The candidates are the keys of the other samples (MoCo v3, NNCLR, one direction of CLIP), or
    `negatives` alone (the queue of MoCo v1 and v2). MoCo v3 multiplies the loss by :math:`2T` and
    adds up both directions.

    Parameters
    ----------
    queries, keys : Tensor of shape (n, d)
        The query and the key of the same `n` samples, in the same order. They need not be
        normalised. Where the method stops the gradient of the keys, the caller detaches them.
    temperature : float
        The :math:`T` of the formula, above 0.
    negatives : Tensor of shape (m, d), default=None
        Candidates that no query belongs to; they need not be normalised. None takes the keys of
        the other samples.

    Returns
    -------
    Tensor of shape ()
        The mean over the queries.

    Raises
    ------
    ValueError
        If the shapes of `queries` and `keys` are not two equal shapes (n, d), that of `negatives`
        is not (m, d), or `temperature` is not above 0.

    References
    ----------
    van den Oord, Li and Vinyals, "Representation Learning with Contrastive Predictive Coding",
    2018. https://arxiv.org/abs/1807.03748

    He, Fan, Wu, Xie and Girshick, "Momentum Contrast for Unsupervised Visual Representation
    Learning", CVPR 2020, equation 1. https://arxiv.org/abs/1911.05722

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import info_nce
    >>> z = torch.eye(4)
    >>> round(info_nce(z, z, temperature=0.1).item(), 4)
    0.0001
    >>> round(info_nce(z, z, temperature=0.1, negatives=-z).item(), 4)
    0.0001
    """
    check_pair(queries, keys, names=("queries", "keys"))
    check_positive(temperature=temperature)
    if negatives is not None:
        check_rows(negatives, queries.shape[1], name="negatives")
    with full_precision(queries, keys) as (queries, keys):
        queries, keys = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
        if negatives is None:
            logits = queries @ keys.T
            own_key = torch.arange(len(keys), device=keys.device)
        else:
            negatives = F.normalize(negatives.to(queries.dtype), dim=1)
            positives = (queries * keys).sum(dim=1, keepdim=True)
            logits = torch.cat([positives, queries @ negatives.T], dim=1)
            own_key = torch.zeros(len(keys), dtype=torch.long, device=keys.device)
        return F.cross_entropy(logits / temperature, own_key)


def dcl(z1: Tensor, z2: Tensor, *, temperature: float, sigma: float | None = None) -> Tensor:
    r"""Decoupled contrastive loss (DCL), and its weighted form (DCLW).

    NT-Xent without the positive pair in the denominator, whose gradient then does not vanish in
    small batches. With :math:`s_{ij}` the cosine similarity of two of the :math:`2n` projections,
    :math:`p(i)` the other view of the sample that :math:`i` shows, and :math:`w_i` 1 or a weight,

    .. math::
        \frac{1}{2n} \sum_i \Bigl[ -w_i \frac{s_{i,p(i)}}{T}
        + \log \sum_{k \notin \{i, p(i)\}} \exp(s_{ik} / T) \Bigr]

    DCLW gives pairs that agree already less weight: with `sigma`,
    :math:`w = 2 - n \operatorname{softmax}(s_{i,p(i)} / \sigma)` over the samples, which has the
    mean 1 and lets no gradient through.

    Parameters
    ----------
    z1, z2 : Tensor of shape (n, d)
        Projections of two views of the same `n` samples, in the same order, with ``n >= 2``. They
        need not be normalised.
    temperature : float
        The :math:`T` of the formula, above 0.
    sigma : float, default=None
        The :math:`\sigma` of the weights, above 0; the paper has 0.5. None gives every pair the
        weight 1.

    Returns
    -------
    Tensor of shape ()
        The mean over all :math:`2n` projections. It has no lower bound of 0.

    Raises
    ------
    ValueError
        If the shapes of `z1` and `z2` are not two equal shapes (n, d) with ``n >= 2``, or
        `temperature` or `sigma` is not above 0.

    References
    ----------
    Yeh, Hong, Hsu, Liu, Chen and LeCun, "Decoupled Contrastive Learning", ECCV 2022.
    https://arxiv.org/abs/2110.06848

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import dcl
    >>> z = torch.eye(4)
    >>> round(dcl(z, z, temperature=0.1).item(), 4)
    -8.2082
    """
    check_pair(z1, z2, min_samples=2)
    check_positive(temperature=temperature)
    if sigma is not None:
        check_positive(sigma=sigma)
    n = len(z1)
    with full_precision(z1, z2) as (z1, z2):
        z = F.normalize(torch.cat([z1, z2]), dim=1)
        cosines = z @ z.T
        positives = cosines.diagonal(offset=n)
        same_sample = torch.eye(n, dtype=torch.bool, device=z.device).repeat(2, 2)
        others = (cosines / temperature).masked_fill(same_sample, float("-inf"))
        attraction = positives / temperature
        if sigma is not None:
            attraction = attraction * (2 - n * F.softmax(positives.detach() / sigma, dim=0))
        return others.logsumexp(dim=1).mean() - attraction.mean()
