"""A dictionary of patches of images, learned without labels and without a training."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Side of a patch, and of what a larger image is averaged to, in pixels.
_PATCH = 6
_SIDE = 32
# From this side on, every second place is looked at: neighbours say nearly the same.
_SPARSE_FROM = 16
_CENTROIDS = 200
# Principal components, and the smallest of them, as a part of the first.
_COLUMNS, _SMALLEST = 64, 1e-3
# How many images are enough to learn it from, and how many of their patches.
PATCHES_FROM, _LEARNED_FROM = 1000, 40_000
# The authors' constants, for values from 0 to 1 in place of 255.
_CONTRAST = 10 / 255**2
_WHITENING = 0.1
_NUMBERS_AT_ONCE = 2**22


class PatchDictionary(nn.Module):
    """How similar the patches of an image are to centroids of k-means, quadrant by quadrant.

    Patches of 6 x 6 pixels have their contrast normalised and are whitened; a patch is by how much
    nearer than on average it is to each of 200 centroids (the "triangle" activation), and an image
    is the mean of that over each of its quadrants. Of these 800 numbers, the first principal
    components are given, up to 64, each with a variance of 1. Images of more than 32 pixels are
    averaged to about that before.

    Parameters
    ----------
    mean : Tensor of shape (values,)
        Of normalised patches.
    whitening : Tensor of shape (values, values)
    centroids : Tensor of shape (k, values)
    center : Tensor of shape (4 * k,)
        Mean of what quadrants tell.
    components : Tensor of shape (columns, 4 * k)

    Attributes
    ----------
    mirrored : bool
        Whether an image and its mirror image are described alike.

    References
    ----------
    Coates, Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning",
    AISTATS 2011.
    """

    mean: Tensor
    whitening: Tensor
    centroids: Tensor
    center: Tensor
    components: Tensor
    # Also that of those in older files.
    mirrored: bool = False

    def __init__(
        self,
        mean: Tensor,
        whitening: Tensor,
        centroids: Tensor,
        center: Tensor,
        components: Tensor,
    ):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("whitening", whitening)
        self.register_buffer("centroids", centroids)
        self.register_buffer("center", center)
        self.register_buffer("components", components)
        self.mirrored = False

    def extra_repr(self) -> str:
        return f"mirrored={self.mirrored}"

    @classmethod
    def blank(cls) -> PatchDictionary:
        """Return one whose buffers are to be filled."""
        # Each a tensor of its own, so that none is taken for another one.
        return cls(*(torch.zeros(shape) for shape in ((1,), (1, 1), (1, 1), (1,), (1, 1))))

    @classmethod
    def learn(cls, images: Tensor, *, mirrored: bool = False) -> PatchDictionary:
        """Learn whitening and centroids from random patches of images of values from 0 to 1.

        With `mirrored`, images and their mirror images, left to right, are described alike: each
        patch is learned from together with its mirror image, half of the centroids are mirror
        images of the others, and what is learned of the quadrants is symmetric.
        """
        from sklearn.cluster import MiniBatchKMeans

        def and_in_mirror(patches: Tensor) -> Tensor:
            if not mirrored:
                return patches
            width = min(_PATCH, _seen(images[:1]).shape[3])
            return torch.cat([patches, patches.unflatten(1, (-1, width)).flip(2).flatten(1)])

        columns = torch.cat([_patches(part) for part in _parts(images)]).flatten(0, 1)
        order = torch.randperm(len(columns), generator=torch.Generator().manual_seed(0))
        patches = and_in_mirror(_normalize(columns[order[:_LEARNED_FROM]])).double().numpy()
        mean = patches.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(patches.T, ddof=0).reshape(2 * mean.shape))
        whitening = (vectors / np.sqrt(values.clip(min=0) + _WHITENING)) @ vectors.T
        white = ((patches - mean) @ whitening).astype(np.float32)
        different = len(np.unique(white, axis=0))
        n_centroids = _CENTROIDS // 2 if mirrored else _CENTROIDS
        kmeans = MiniBatchKMeans(
            min(n_centroids, different), batch_size=4096, n_init=1, random_state=0
        )
        centroids = and_in_mirror(torch.as_tensor(kmeans.fit(white).cluster_centers_))
        dictionary = cls.blank()
        dictionary.mirrored = mirrored
        dictionary.mean, dictionary.whitening, dictionary.centroids = (
            torch.as_tensor(learned, dtype=torch.float32).clone()  # no memory of others
            for learned in (mean, whitening, centroids)
        )
        told = torch.cat([dictionary._of_quadrants(part) for part in _parts(images)])
        if mirrored:
            # Components of this have the same symmetry, so they take the mean by themselves.
            maps = told.unflatten(1, (2, -1, 2, 2))
            told = (maps + maps.flip((1, 4))).flatten(1) / 2
        dictionary.center = told.mean(dim=0).float()
        _, sizes, directions = torch.linalg.svd(told - told.mean(dim=0), full_matrices=False)
        # Images that are all the same leave one component, of zeros.
        kept = max(1, min(_COLUMNS, int((sizes > _SMALLEST * sizes[0]).sum())))
        units = (len(told) ** 0.5 / sizes[:kept, None]).nan_to_num(posinf=0.0)
        dictionary.components = (directions[:kept] * units).float().contiguous()
        return dictionary

    def forward(self, images: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return self._describe(images)
        return torch.cat([self._describe(part) for part in _parts(images)])

    def _describe(self, images: Tensor) -> Tensor:
        return ((self._of_quadrants(images) - self.center) @ self.components.T.double()).float()

    def _of_quadrants(self, images: Tensor) -> Tensor:
        """Return the activations, in float64.

        Small differences of distances are made as large as others, so that what float32 rounds,
        which depends on the number of images, would show.
        """
        images = images.double()
        white = (_normalize(_patches(images)) - self.mean) @ self.whitening.double()
        centroids = self.centroids.double()
        squares = white.square().sum(dim=2, keepdim=True) + centroids.square().sum(dim=1)
        distance = (squares - 2 * white @ centroids.T).clamp(min=0).sqrt()
        activation = F.relu(distance.mean(dim=2, keepdim=True) - distance)
        height, width = (_places(side) for side in _seen(images).shape[2:])
        maps = activation.transpose(1, 2).unflatten(2, (height, width))
        return F.adaptive_avg_pool2d(maps, 2).flatten(1)


def _parts(images: Tensor) -> tuple[Tensor, ...]:
    """Return images a few at a time, since their patches take some fifty times their memory."""
    per_image = math.prod(images.shape[1:]) * _PATCH**2
    return images.split(max(1, _NUMBERS_AT_ONCE // per_image))


def _seen(images: Tensor) -> Tensor:
    factor = math.ceil(min(images.shape[2:]) / _SIDE)
    return F.avg_pool2d(images, factor) if factor > 1 else images


def _stride(side: int) -> int:
    return 2 if side >= _SPARSE_FROM else 1


def _places(side: int) -> int:
    return (side - min(_PATCH, side)) // _stride(side) + 1


def _patches(images: Tensor) -> Tensor:
    """Return the patches of images, of shape (n, places, values)."""
    seen = _seen(images)
    sides = seen.shape[2:]
    height, width = (min(_PATCH, side) for side in sides)
    strides = (_stride(sides[0]), _stride(sides[1]))
    return F.unfold(seen, (height, width), stride=strides).transpose(1, 2)


def _normalize(patches: Tensor) -> Tensor:
    centred = patches - patches.mean(dim=-1, keepdim=True)
    return centred / (centred.var(dim=-1, keepdim=True, correction=0) + _CONTRAST).sqrt()
