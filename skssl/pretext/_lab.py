"""The colour space CIE Lab: lightness, and two axes of colour, in steps that look alike."""

from __future__ import annotations

import torch
from torch import Tensor

# Linear sRGB to XYZ, the white point D65, and back (IEC 61966-2-1; CIE 15, 2 degrees).
_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_FROM_XYZ = (
    (3.24048134, -1.53715152, -0.49853633),
    (-0.96925495, 1.87599, 0.04155593),
    (0.05564664, -0.20404134, 1.05731107),
)
_WHITE = (0.95047, 1.0, 1.08883)
# Below it, the cube root becomes a straight line.
_DELTA = 6 / 29
_STEPS = 12
# What is left of the two axes of colour in grey pixels, since the constants above are rounded.
_ROUNDING = 0.01
# What is less than half a level of 256 outside will be rounded into the range.
_TOLERANCE = 1 / 512


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB to CIE Lab.

    Parameters
    ----------
    rgb : Tensor of shape (n, 3, ...)
        From 0 to 1.

    Returns
    -------
    Tensor of shape (n, 3, ...)
        L from 0 to 100, and a and b from about -110 to 110; 0 is grey.
    """
    xyz = _mix(_TO_XYZ, _decode(rgb)).unbind(dim=1)
    x, y, z = (_compress(value / white) for value, white in zip(xyz, _WHITE, strict=True))
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def colors_of(lab: Tensor) -> Tensor:
    """Return the two axes of colour, of shape (n, 2, ...), exactly 0 for greys."""
    colors = lab[:, 1:]
    return torch.where(colors.abs() < _ROUNDING, 0.0, colors)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert CIE Lab to sRGB; colours that it does not have lie outside of 0 to 1.

    Parameters
    ----------
    lab : Tensor of shape (n, 3, ...)

    Returns
    -------
    Tensor of shape (n, 3, ...)
    """
    lightness, a, b = lab.unbind(dim=1)
    y = (lightness + 16) / 116
    compressed = (y + a / 500, y, y - b / 200)
    xyz = [_expand(value) * white for value, white in zip(compressed, _WHITE, strict=True)]
    return _encode(_mix(_FROM_XYZ, torch.stack(xyz, dim=1)))


def to_gamut(lab: Tensor) -> Tensor:
    """Make colours that sRGB does not have as much greyer as it takes; their lightness stays.

    Parameters
    ----------
    lab : Tensor of shape (n, 3, ...)

    Returns
    -------
    Tensor of shape (n, 3, ...)
    """
    lightness, color = lab[:, :1], lab[:, 1:]

    def fits(share: Tensor) -> Tensor:
        rgb = lab_to_rgb(torch.cat([lightness, share * color], dim=1))
        return ((rgb >= -_TOLERANCE) & (rgb <= 1 + _TOLERANCE)).all(dim=1, keepdim=True)

    inside, outside = torch.zeros_like(lightness), torch.ones_like(lightness)
    all_fits = fits(outside)
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        fit = fits(middle)
        inside, outside = torch.where(fit, middle, inside), torch.where(fit, outside, middle)
    share = torch.where(all_fits, torch.ones_like(inside), inside)
    return torch.cat([lightness, share * color], dim=1)


def to_grey(rgb: Tensor) -> Tensor:
    """Return the grey of the same lightness, in all three channels.

    Parameters
    ----------
    rgb : Tensor of shape (n, 3, ...)
        From 0 to 1.

    Returns
    -------
    Tensor of shape (n, 3, ...)
    """
    _, y, _ = _mix(_TO_XYZ, _decode(rgb)).unbind(dim=1)
    return _encode(y)[:, None].expand_as(rgb)


def _mix(matrix: tuple[tuple[float, float, float], ...], channels: Tensor) -> Tensor:
    # A matrix product would be computed in bfloat16 during training.
    x, y, z = channels.unbind(dim=1)
    return torch.stack([u * x + v * y + w * z for u, v, w in matrix], dim=1)


def _decode(rgb: Tensor) -> Tensor:
    curve = ((rgb.clamp(min=0) + 0.055) / 1.055) ** 2.4
    return torch.where(rgb <= 0.04045, rgb / 12.92, curve)


def _encode(linear: Tensor) -> Tensor:
    curve = 1.055 * linear.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, curve)


def _compress(value: Tensor) -> Tensor:
    line = value / (3 * _DELTA**2) + 4 / 29
    return torch.where(value > _DELTA**3, value.clamp(min=1e-9) ** (1 / 3), line)


def _expand(value: Tensor) -> Tensor:
    return torch.where(value > _DELTA, value**3, 3 * _DELTA**2 * (value - 4 / 29))
