"""A method of one's own, to be copied: put another loss in the place of this one."""

from skssl.extend import POSITIVE_INT, PairObjective, SelfSupervisedTransformer, mlp_head, param
from skssl.losses import info_nce


def loss(z1, z2):
    """Return the loss of the projections of two views, of shape (n, d)."""
    return (info_nce(z1, z2, temperature=0.2) + info_nce(z2, z1, temperature=0.2)) / 2


class MyMethod(SelfSupervisedTransformer):
    """What it learns, and when to use it.

    Parameters
    ----------
    projector_dim : int, default=64
        Size of the projections.
    """

    projector_dim: int = param(POSITIVE_INT, default=64)

    def make_objective(self, encoder, samples, *, embedding_dim, n_samples):
        """Return the encoder with a projector behind it, and the loss of two projections."""
        projector = mlp_head([embedding_dim, embedding_dim, self.projector_dim], last_norm=False)
        return PairObjective(encoder, projector, loss, together=True)
