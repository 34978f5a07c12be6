"""What photos go through besides geometry and colour: blur, solarisation, erased rectangles."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl.views._base import chance, uniform


def random_blur(
    images: Tensor,
    *,
    generator: torch.Generator,
    probability: float,
    sigma: tuple[float, float] = (0.1, 2.0),
) -> Tensor:
    """Blur images with Gaussians, each of its own width.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
    generator : torch.Generator
        Source of the random numbers, on the device of `images`.
    probability : float
        Chance of an image to be blurred.
    sigma : tuple of two floats
        Range of the standard deviation, in pixels. The Gaussian is cut off at a twentieth of the
        image's smaller side, but not below one pixel, as in SimCLR.

    Returns
    -------
    Tensor of shape (n, channels, height, width)
    """
    n, channels, height, width = images.shape
    reach = max(1, round(0.05 * min(height, width)))
    widths = uniform(*sigma, (n, 1), images, generator).clamp(min=1e-3)
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    kernels = (-(offsets**2) / (2 * widths**2)).softmax(dim=1)
    blurred = chance(probability, (n, 1), images, generator)
    kernels = torch.where(blurred, kernels, (offsets == 0).to(images.dtype))
    # Every channel of every image is a group of one convolution.
    kernels = kernels.repeat_interleave(channels, dim=0)[:, None]
    rows = F.pad(
        images, (reach,) * 4, mode="reflect" if reach < min(height, width) else "replicate"
    )
    rows = rows.reshape(1, n * channels, height + 2 * reach, width + 2 * reach)
    rows = F.conv2d(rows, kernels[..., None, :], groups=n * channels)
    rows = F.conv2d(rows, kernels[..., None], groups=n * channels)
    return rows.view(n, channels, height, width)


def random_solarize(
    images: Tensor, *, generator: torch.Generator, probability: float, threshold: float = 0.5
) -> Tensor:
    """Invert the values above a threshold, in some of the images.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        Values from 0 to 1.
    generator : torch.Generator
        Source of the random numbers, on the device of `images`.
    probability : float
        Chance of an image to be solarized.
    threshold : float
        Values from here on are inverted; 0.5 as in BYOL.

    Returns
    -------
    Tensor of shape (n, channels, height, width)
    """
    inverted = chance(probability, (len(images), 1, 1, 1), images, generator)
    return torch.where(inverted & (images >= threshold), 1 - images, images)


def random_erase(
    images: Tensor,
    *,
    generator: torch.Generator,
    probability: float,
    area: tuple[float, float] = (0.02, 0.33),
    ratio: tuple[float, float] = (0.3, 3.3),
) -> Tensor:
    """Paint a rectangle in some of the images with the image's mean.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
    generator : torch.Generator
        Source of the random numbers, on the device of `images`.
    probability : float
        Chance of an image to be painted on.
    area : tuple of two floats
        Range of the rectangle's area, as a fraction of the image.
    ratio : tuple of two floats
        Range of the rectangle's width divided by its height, drawn evenly on a logarithmic scale.

    Returns
    -------
    Tensor of shape (n, channels, height, width)

    References
    ----------
    Zhong, Zheng, Kang, Li and Yang, "Random Erasing Data Augmentation", AAAI 2020 (its variant
    RE-M). https://arxiv.org/abs/1708.04896
    """
    n = len(images)
    side = uniform(*area, n, images, generator).sqrt()
    root_ratio = _root_ratio(ratio, images, generator)
    erased = chance(probability, n, images, generator)
    painted = erased[:, None, None, None] & _rectangles(side, root_ratio, images, generator)
    return torch.where(painted, images.mean(dim=(2, 3), keepdim=True), images)


def random_rectangles(
    images: Tensor,
    *,
    generator: torch.Generator | None,
    area: tuple[float, float],
    ratio: tuple[float, float] = (0.5, 2.0),
) -> Tensor:
    """Mark a rectangle in each of the images; at least one pixel.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
    generator : torch.Generator or None
        Source of the random numbers, on the device of `images`; None is torch's global one.
    area, ratio : tuple of two floats
        As for :func:`random_erase`.

    Returns
    -------
    Tensor of shape (n, 1, height, width), bool
    """
    # As long as a pixel, a side holds the centre of one wherever it lies.
    least = 1.0 / min(images.shape[2:])
    side = uniform(*area, len(images), images, generator).sqrt()
    root_ratio = _root_ratio(ratio, images, generator)
    return _rectangles(side, root_ratio, images, generator, least=least)


def _root_ratio(
    ratio: tuple[float, float], images: Tensor, generator: torch.Generator | None
) -> Tensor:
    low, high = math.log(ratio[0]), math.log(ratio[1])
    return torch.exp(0.5 * uniform(low, high, len(images), images, generator))


def _rectangles(
    side: Tensor,
    root_ratio: Tensor,
    images: Tensor,
    generator: torch.Generator | None,
    *,
    least: float = 0.0,
) -> Tensor:
    """Place a rectangle of a size, as a fraction of the image, at random in each image."""

    def inside(extent: Tensor, pixels: int) -> Tensor:
        extent = extent.clamp(least, 1.0)
        start = uniform(0.0, 1.0, len(images), images, generator) * (1 - extent)
        centers = (torch.arange(pixels, dtype=images.dtype, device=images.device) + 0.5) / pixels
        return (centers >= start[:, None]) & (centers < (start + extent)[:, None])

    height, width = images.shape[2:]
    columns = inside(side * root_ratio, width)[:, None, None, :]
    rows = inside(side / root_ratio, height)[:, None, :, None]
    return rows & columns
