"""LeJEPA."""

from __future__ import annotations

from skssl._declare import FRACTION, param
from skssl.decorrelation._gaussian import _GaussianMethod
from skssl.losses import lejepa


class LeJEPA(_GaussianMethod):
    """Views agree, and the embedding is a Gaussian cloud: no heuristics, one weight.

    The projections of all views of a sample are drawn to the mean of its large views. SIGReg
    compares the batch, along random directions, with a standard normal distribution, which is
    shown to be the best an embedding can have when the later task is not known. No teacher, no
    stop-gradient, no negatives.

    Parameters
    ----------
    weight : float, default=0.05
        Weight of SIGReg, from 0 to 1; that of the views' agreement is 1 less it.

    See Also
    --------
    VISReg : With the sliced Wasserstein distance to a normal distribution.
    VICReg : Only with variances and covariances.

    Notes
    -----
    SIGReg is computed for each view over the samples and averaged, as in the authors' minimal
    example. The projector has three layers with BatchNorm and ReLU after the first two.

    References
    ----------
    Balestriero and LeCun, "LeJEPA: Provable and Scalable Self-Supervised Learning Without the
    Heuristics", 2025. https://arxiv.org/abs/2511.08544

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import LeJEPA
    >>> X = load_digits().images[:100]
    >>> ssl = LeJEPA(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    weight: float = param(FRACTION, default=0.05)

    _loss = staticmethod(lejepa)
