"""A method of one's own: alignment and uniformity."""

from functools import partial

import torch
import torch.nn.functional as F

from skssl.extend import (
    POSITIVE,
    POSITIVE_INT,
    PairObjective,
    SelfSupervisedTransformer,
    mlp_head,
    param,
)


def align_uniform(z1, z2, *, weight):
    """Return how far views of a sample are apart, plus how close different samples are."""
    z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    alignment = (z1 - z2).square().sum(dim=1).mean()
    uniformity = sum(torch.pdist(z).square().mul(-2).exp().mean().log() for z in (z1, z2)) / 2
    return alignment + weight * uniformity


class AlignUniform(SelfSupervisedTransformer):
    """Draw the views of a sample together, and spread all samples over the sphere.

    Parameters
    ----------
    weight : float, default=1.0
        How much spreading the samples counts.
    projector_dim : int, default=64
        Size of the projections that the loss compares.

    References
    ----------
    Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere", ICML 2020.
    """

    weight: float = param(POSITIVE, default=1.0)
    projector_dim: int = param(POSITIVE_INT, default=64)

    collapse_remedy = "Try a larger weight or a larger batch_size."

    def make_objective(self, encoder, samples, *, embedding_dim, n_samples):
        """Return an encoder with a projector behind it, and the loss of two projections."""
        projector = mlp_head([embedding_dim, embedding_dim, self.projector_dim], last_norm=False)
        loss = partial(align_uniform, weight=self.weight)
        return PairObjective(encoder, projector, loss, together=True)
