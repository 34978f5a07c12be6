"""Losses that tell the other view of a sample from the views of other samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl.losses._checks import check_pair


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
    if temperature <= 0:
        raise ValueError(f"temperature={temperature!r} must be above 0.")
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    logits = z @ z.T / temperature
    itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    other_view = torch.arange(2 * n, device=z.device).roll(n)
    return F.cross_entropy(logits, other_view)
