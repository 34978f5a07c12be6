"""VISReg."""

from __future__ import annotations

from skssl.decorrelation._gaussian import _GaussianMethod
from skssl.losses import visreg


class VISReg(_GaussianMethod):
    """Variance-invariance-sketching: views agree, and the embedding has a Gaussian's quantiles.

    As :class:`~skssl.LeJEPA`, with the difference to a normal distribution measured by its centre,
    its scale and, along random directions, the sliced Wasserstein distance: the sorted values
    against the normal quantiles. Each of the three has a gradient wherever it is needed, also far
    from the goal.

    See Also
    --------
    LeJEPA : With the characteristic function.

    Notes
    -----
    The projector has three layers with BatchNorm and ReLU after the first two.

    References
    ----------
    Wu, Balestriero and Levine, "VISReg: Variance-Invariance-Sketching Regularization for JEPA
    training", 2026. https://arxiv.org/abs/2606.02572

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import VISReg
    >>> X = load_digits().images[:100]
    >>> ssl = VISReg(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    _loss = staticmethod(visreg)
