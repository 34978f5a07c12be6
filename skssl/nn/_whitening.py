"""Whitening as a layer of a head."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class IterNorm(nn.Module):
    """Whitens a batch with Newton's iterations (iterative normalisation).

    The covariance of the batch becomes nearly the identity, by an approximation of its inverse
    square root (ZCA) that needs no eigenvalues. It only knows the batch at hand: heads are not
    used after training.

    Parameters
    ----------
    n_iterations : int, default=5
        Iterations; each brings the covariance closer to the identity.
    epsilon : float, default=1e-5
        Added to the diagonal of the covariance.

    References
    ----------
    Huang, Zhou, Zhu, Liu and Shao, "Iterative Normalization: Beyond Standardization towards
    Efficient Whitening", CVPR 2019. https://arxiv.org/abs/1904.03441
    """

    def __init__(self, *, n_iterations: int = 5, epsilon: float = 1e-5):
        super().__init__()
        self.n_iterations = n_iterations
        self.epsilon = epsilon

    def forward(self, z: Tensor) -> Tensor:
        # Products of products lose too much in half precision.
        with torch.autocast(z.device.type, enabled=False):
            centered = z.float() - z.float().mean(dim=0)
            n, d = centered.shape
            identity = torch.eye(d, device=z.device)
            covariance = centered.T @ centered / n + self.epsilon * identity
            # Its eigenvalues then lie between 0 and 1, where the iterations converge.
            trace = covariance.trace()
            normalized = covariance / trace
            root = identity
            for _ in range(self.n_iterations):
                root = 1.5 * root - 0.5 * root @ root @ root @ normalized
            return centered @ root / trace.sqrt()
