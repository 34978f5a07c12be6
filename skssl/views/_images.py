"""Views of images: one resampling for all geometry, one matrix per sample for all colour."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl._declare import FRACTION, NOT_NEGATIVE, UP_TO_ONE, Interval, Range, StrOptions, param
from skssl.views._base import Views, chance, quartered, random_noise, reduced, uniform
from skssl.views._image_filters import random_blur, random_erase, random_solarize

Padding = Literal["zeros", "border", "reflection"]

_SMALL_SIDE = 64
_AREA = Range(Interval(Real, 0.01, 9, closed="both"))
# Views of fewer pixels a side would leave an encoder little to see.
_SMALLEST_SIDE = 16

# ITU-R BT.601, as in PIL's convert("L").
_LUMINANCE = (0.299, 0.587, 0.114)
_RGB_TO_YIQ = (_LUMINANCE, (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


def random_affine(
    images: Tensor,
    *,
    generator: torch.Generator,
    crop_scale: tuple[float, float] = (1.0, 1.0),
    crop_ratio: tuple[float, float] = (1.0, 1.0),
    flip: float = 0.0,
    rotation: float = 0.0,
    shear: float = 0.0,
    translation: float = 0.0,
    padding: Padding = "border",
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Crop and resize, flip, rotate, shear and shift every image on its own, in one resampling.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        Floating point images.
    generator : torch.Generator
        Source of the random numbers, on the device of `images`.
    crop_scale : tuple of two floats
        Range of the area of the window, as a fraction of the image. Below 1 zooms in on a window
        that lies inside the image; above 1 zooms out.
    crop_ratio : tuple of two floats
        Range of the window's width divided by its height, drawn evenly on a logarithmic scale.
    flip : float
        Probability of a mirror image, left to right.
    rotation : float
        Largest rotation either way, in degrees.
    shear : float
        Largest horizontal shear either way: the shift of the upper edge in half image heights.
    translation : float
        Largest shift either way along each axis, in half image sizes, on top of the window's own.
    padding : {"zeros", "border", "reflection"}
        What to show of the parts of a window that lie outside the image.
    size : tuple of two ints, default=None
        Height and width of the result, in pixels; None is the size of the images. Only the four
        nearest pixels count, so a window that has more than twice the pixels of the result along
        a side is shown in part, with aliasing.

    Returns
    -------
    Tensor of shape (n, channels, height, width)
        Of the height and width that `size` says, if it does.
    """
    n, channels, height, width = images.shape

    def draw(low: float, high: float) -> Tensor:
        return uniform(low, high, n, images, generator)

    side = draw(*crop_scale).sqrt()
    root_ratio = torch.exp(0.5 * draw(math.log(crop_ratio[0]), math.log(crop_ratio[1])))
    scale_x, scale_y = side * root_ratio, side / root_ratio
    center_x = draw(-1.0, 1.0) * (1 - scale_x).abs() + draw(-translation, translation)
    center_y = draw(-1.0, 1.0) * (1 - scale_y).abs() + draw(-translation, translation)
    if flip:
        mirrored = chance(flip, n, images, generator)
        scale_x = torch.where(mirrored, -scale_x, scale_x)
    angle = draw(-math.radians(rotation), math.radians(rotation))
    slope = draw(-shear, shear)
    cos, sin = angle.cos(), angle.sin()
    # Rotation turns pixels, not the unit square that affine_grid works in.
    aspect = height / width
    theta = torch.stack(
        [
            scale_x * cos,
            scale_y * (slope * cos - aspect * sin),
            center_x,
            scale_x * sin / aspect,
            scale_y * (slope * sin / aspect + cos),
            center_y,
        ],
        dim=1,
    ).view(n, 2, 3)
    shape = [n, channels, *(size or (height, width))]
    grid = F.affine_grid(theta, shape, align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def random_color(
    images: Tensor,
    *,
    generator: torch.Generator,
    jitter: float = 0.8,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.1,
    grayscale: float = 0.2,
) -> Tensor:
    """Change brightness, contrast, saturation and hue of every image on its own.

    The changes are linear in the colours of a pixel, so they are multiplied into one matrix per
    image first. Hue turns the chroma plane of YIQ, which needs no conversion to HSV and back.
    The result is clipped to [0, 1], as in SimCLR.

    Parameters
    ----------
    images : Tensor of shape (n, channels, height, width)
        Floating point images with values from 0 to 1. Saturation, hue and greyscale have a meaning
        for 3 channels (RGB) and 4 (RGBA, where alpha stays as it is), and are left out for others.
    generator : torch.Generator
        Source of the random numbers, on the device of `images`.
    jitter : float
        Probability that an image's brightness, contrast, saturation and hue are changed at all.
    brightness, contrast, saturation : float
        The factor is drawn from ``[max(0, 1 - value), 1 + value]``.
    hue : float
        Largest turn of the colour circle either way, as a fraction of the circle.
    grayscale : float
        Probability that an image loses its colours.

    Returns
    -------
    Tensor of shape (n, channels, height, width)
    """
    n, channels = images.shape[:2]
    changed = chance(jitter, n, images, generator)

    def factor(strength: float) -> Tensor:
        drawn = uniform(max(0.0, 1 - strength), 1 + strength, n, images, generator)
        return torch.where(changed, drawn, 1.0)

    gain, contrasted = factor(brightness), factor(contrast)
    if channels not in (3, 4):
        mean = images.mean(dim=(1, 2, 3))
        scale = (gain * contrasted)[:, None, None, None]
        offset = (gain * (1 - contrasted) * mean)[:, None, None, None]
        return torch.addcmul(offset, images, scale).clamp_(0, 1)

    rgb = images[:, :3]
    luminance = images.new_tensor(_LUMINANCE)
    identity = torch.eye(3, dtype=images.dtype, device=images.device)
    to_gray = luminance.expand(3, 3)
    saturated = factor(saturation)[:, None, None]
    matrix = saturated * identity + (1 - saturated) * to_gray
    if hue:
        turn = uniform(-2 * math.pi * hue, 2 * math.pi * hue, n, images, generator)
        matrix = _hue_rotation(torch.where(changed, turn, 0.0)) @ matrix
    colorless = chance(grayscale, n, images, generator)[:, None, None]
    matrix = torch.where(colorless, to_gray @ matrix, matrix)
    mean_gray = (rgb.mean(dim=(2, 3)) * luminance).sum(dim=1)
    # Every matrix above keeps greys as they are, so contrast's grey offset passes through it.
    offset = (gain * (1 - contrasted) * mean_gray)[:, None, None]
    matrix = (gain * contrasted)[:, None, None] * matrix
    recolored = torch.baddbmm(offset, matrix, rgb.flatten(2)).view_as(rgb).clamp_(0, 1)
    return recolored if channels == 3 else torch.cat([recolored, images[:, 3:]], dim=1)


def _hue_rotation(angle: Tensor) -> Tensor:
    """Matrices, in RGB, that turn the chroma plane of YIQ by `angle` (radians)."""
    to_yiq = angle.new_tensor(_RGB_TO_YIQ)
    cos, sin = angle.cos(), angle.sin()
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    turn = torch.stack([one, zero, zero, zero, cos, -sin, zero, sin, cos], dim=1).view(-1, 3, 3)
    from_yiq: Tensor = torch.linalg.inv(to_yiq)
    return from_yiq @ turn @ to_yiq


class ImageViews(Views):
    """Random views of images: crop, flip, rotation, shear, shift, colour, blur and more.

    Every image of a batch gets its own random numbers. All geometry is one bilinear resampling,
    all colour one matrix per image, so a batch costs little more than a copy of itself. The
    defaults are SimCLR's crop, flip and colour for small photos, without its blur.

    Parameters
    ----------
    crop_scale : tuple of two floats, default=(0.2, 1.0)
        Range of the area of the window that is shown, as a fraction of the image. Below 1 zooms
        in on a part; above 1 zooms out, with `padding` around the image.
    crop_ratio : tuple of two floats, default=(0.75, 1.3333)
        Range of the window's width divided by its height.
    flip : float, default=0.5
        Probability of a mirror image, left to right.
    rotation : float, default=0.0
        Largest rotation either way, in degrees.
    shear : float, default=0.0
        Largest horizontal shear either way, as the tangent of the slant.
    translation : float, default=0.0
        Largest shift either way along each axis, in half image sizes.
    padding : {"zeros", "border", "reflection"}, default="reflection"
        What to show of the parts of a window that lie outside the image.
    jitter : float, default=0.8
        Probability that an image's brightness, contrast, saturation and hue are changed.
    brightness, contrast, saturation : float, default=0.4
        The factor is drawn from ``[max(0, 1 - value), 1 + value]``. Saturation has a meaning for
        images of 3 or 4 channels only.
    hue : float, default=0.1
        Largest turn of the colour circle either way, as a fraction of the circle. Has a meaning
        for images of 3 or 4 channels only.
    grayscale : float, default=0.2
        Probability that an image loses its colours. Has a meaning for images of 3 or 4 channels
        only.
    blur : float, default=0.0
        Probability that an image is blurred, by a Gaussian of 0.1 to 2 pixels.
    solarize : float, default=0.0
        Probability that the upper half of an image's values is inverted.
    erase : float, default=0.0
        Probability that a rectangle of an image is painted over with its mean.
    noise : float, default=0.0
        Standard deviation of Gaussian noise, where the values of an image go from 0 to 1.
    resolution : float, default=1.0
        Height and width of a view, as a fraction of the image's, at most 1. The shorter side is
        not reduced to less than 16 pixels. Smaller views are quicker to train on; windows with
        more than twice the pixels of a view along a side are shown with aliasing. The embedding
        is computed from the image at its own size.
    local_scale : tuple of two floats, default=(0.08, 0.4)
        `crop_scale` of local views, which methods with multi-crop draw beside the others.
    local_resolution : float, default=0.5
        `resolution` of local views.

    See Also
    --------
    ImageViews.photos : The views that photos get where none are passed, by their size.
    ImageViews.glyphs : The views that digits, characters and other grey images get.

    References
    ----------
    Chen, Kornblith, Norouzi and Hinton, "A Simple Framework for Contrastive Learning of Visual
    Representations", ICML 2020, appendix A. https://arxiv.org/abs/2002.05709

    Touvron, Vedaldi, Douze and Jégou, "Fixing the train-test resolution discrepancy", NeurIPS
    2019. https://arxiv.org/abs/1906.06423

    Examples
    --------
    >>> import torch
    >>> from skssl.views import ImageViews
    >>> views = ImageViews.glyphs()
    >>> views  # what is not shown is as in ImageViews()
    ImageViews(brightness=0.6, contrast=0.6, crop_scale=(0.5, 1.2), erase=0.25,
               flip=0.0, jitter=1.0, local_scale=(0.3, 0.6), noise=0.05,
               padding='zeros', rotation=15.0, shear=0.2, translation=0.1)
    >>> views(torch.rand(4, 1, 28, 28), generator=torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 28, 28])
    """

    crop_scale: tuple[float, float] = param(_AREA, default=(0.2, 1.0))
    crop_ratio: tuple[float, float] = param(
        Range(Interval(Real, 0.1, 10, closed="both")), default=(0.75, 1.3333)
    )
    flip: float = param(FRACTION, default=0.5)
    rotation: float = param(Interval(Real, 0, 180, closed="both"), default=0.0)
    shear: float = param(Interval(Real, 0, 2, closed="both"), default=0.0)
    translation: float = param(FRACTION, default=0.0)
    padding: Padding = param(StrOptions({"zeros", "border", "reflection"}), default="reflection")
    jitter: float = param(FRACTION, default=0.8)
    brightness: float = param(NOT_NEGATIVE, default=0.4)
    contrast: float = param(NOT_NEGATIVE, default=0.4)
    saturation: float = param(NOT_NEGATIVE, default=0.4)
    hue: float = param(Interval(Real, 0, 0.5, closed="both"), default=0.1)
    grayscale: float = param(FRACTION, default=0.2)
    blur: float = param(FRACTION, default=0.0)
    solarize: float = param(FRACTION, default=0.0)
    erase: float = param(FRACTION, default=0.0)
    noise: float = param(NOT_NEGATIVE, default=0.0)
    resolution: float = param(UP_TO_ONE, default=1.0)
    local_scale: tuple[float, float] = param(_AREA, default=(0.08, 0.4))
    local_resolution: float = param(UP_TO_ONE, default=0.5)

    @classmethod
    def photos(cls, size: tuple[int, int]) -> Self:
        """Return SimCLR's views for photos.

        They are ``ImageViews(resolution=0.75)``: views zoom in, so that things are shown at about
        the size that they have in the whole images of which the embedding is computed (Touvron et
        al. 2019), in half the time. As in the paper, half of the images are blurred (``blur=0.5``),
        except where they are so small, up to 64 pixels, that a blur would leave little.

        Parameters
        ----------
        size : tuple of two ints
            Height and width of the photos, in pixels.

        Returns
        -------
        ImageViews
            New views, of the class that this is called on.
        """
        return cls(resolution=0.75, blur=0.5 if min(size) > _SMALL_SIDE else 0.0)

    @classmethod
    def glyphs(cls) -> Self:
        """Return views for digits, characters, sketches and other grey images.

        No mirror images and no small crops, which would turn one sign into another; the shape
        is slanted, turned, stretched and shifted instead, and a part of some is painted over.
        How dark a thing is often says little about it. All values are in the example of the class.

        Returns
        -------
        ImageViews
            New views, of the class that this is called on.
        """
        return cls(
            crop_scale=(0.5, 1.2),
            flip=0.0,
            rotation=15.0,
            shear=0.2,
            translation=0.1,
            padding="zeros",
            jitter=1.0,
            brightness=0.6,
            contrast=0.6,
            erase=0.25,
            noise=0.05,
            local_scale=(0.3, 0.6),
        )

    def local(self) -> Self:
        """Return views of smaller windows (`local_scale`), at the resolution of local views.

        Returns
        -------
        ImageViews
            A changed copy of these views.
        """
        return replace(self, crop_scale=self.local_scale, resolution=self.local_resolution)

    def full_size(self) -> Self:
        """Return views, local ones too, at the resolution of the images.

        Returns
        -------
        ImageViews
            A changed copy of these views.
        """
        return replace(self, resolution=1.0, local_resolution=1.0)

    def weak(self) -> Self:
        """Return views with only the changes of geometry.

        Returns
        -------
        ImageViews
            A changed copy of these views.
        """
        return replace(
            self, jitter=0.0, grayscale=0.0, blur=0.0, solarize=0.0, erase=0.0, noise=0.0
        )

    def mild(self) -> Self:
        """Return views with a quarter of the changes of geometry, and of full size.

        Returns
        -------
        ImageViews
            A changed copy of these views.
        """
        weak = replace(self.weak(), resolution=1.0)
        return replace(
            weak,
            crop_scale=quartered(weak.crop_scale),
            crop_ratio=quartered(weak.crop_ratio),
            rotation=weak.rotation / 4,
            shear=weak.shear / 4,
            translation=weak.translation / 4,
        )

    def change_geometry(self, images: Tensor, *, generator: torch.Generator) -> Tensor:
        """Crop, flip, turn, slant and shift every image; all its channels alike."""
        height, width = reduced(tuple(images.shape[2:]), self.resolution, at_least=_SMALLEST_SIDE)
        return random_affine(
            images,
            generator=generator,
            crop_scale=self.crop_scale,
            crop_ratio=self.crop_ratio,
            flip=self.flip,
            rotation=self.rotation,
            shear=self.shear,
            translation=self.translation,
            padding=self.padding,
            size=(height, width),
        )

    def change_color(self, images: Tensor, *, generator: torch.Generator) -> Tensor:
        """Change the colours of every image."""
        if self.jitter or self.grayscale:
            images = random_color(
                images,
                generator=generator,
                jitter=self.jitter,
                brightness=self.brightness,
                contrast=self.contrast,
                saturation=self.saturation,
                hue=self.hue,
                grayscale=self.grayscale,
            )
        return images

    def change_details(self, images: Tensor, *, generator: torch.Generator) -> Tensor:
        """Blur, solarize and erase parts of every image, all its channels alike; add noise."""
        for change, probability in (
            (random_blur, self.blur),
            (random_solarize, self.solarize),
            (random_erase, self.erase),
        ):
            if probability:
                images = change(images, generator=generator, probability=probability)
        if self.noise:
            images = random_noise(images, generator=generator, std=self.noise)
        return images

    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        images = self.change_geometry(batch, generator=generator)
        images = self.change_color(images, generator=generator)
        return self.change_details(images, generator=generator)
