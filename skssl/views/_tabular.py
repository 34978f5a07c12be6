"""Views of table rows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor

from skssl._declare import BELOW_ONE, param
from skssl.views._base import Views


def swap_cells(rows: Tensor, *, generator: torch.Generator, probability: float) -> Tensor:
    """Replace cells by the same column's cells of other rows, each cell from a row of its own.

    Parameters
    ----------
    rows : Tensor of shape (n, features)
        The donors are drawn, with replacement, from these same rows: the empirical marginal
        distribution of every column.
    generator : torch.Generator
        Source of the random numbers, on the device of `rows`.
    probability : float
        Chance of a cell to be replaced.

    Returns
    -------
    Tensor of shape (n, features)
    """
    if not probability:
        return rows
    n = len(rows)
    # One draw decides both: a number below n names the donor row, any other keeps the cell.
    drawn = torch.randint(
        math.ceil(n / probability), rows.shape, generator=generator, device=rows.device
    )
    own = torch.arange(n, device=rows.device)[:, None]
    return rows.gather(0, torch.where(drawn < n, drawn, own))


class TabularViews(Views):
    """Random views of table rows: swap noise, drawn cell by cell from other rows.

    A replaced cell takes the value of the same column in a random row of the batch, so every
    value that a view shows is a real value of its column (the corruption of SCARF).

    Parameters
    ----------
    swap : float, default=0.3
        Probability of a cell to be replaced. Both views are corrupted, so two views of a row
        share about ``(1 - swap) ** 2`` of their cells.
    local_swap : float, default=0.6
        `swap` of local views, which show less of a row. Methods with multi-crop draw them beside
        the others.

    References
    ----------
    Bahri, Jiang, Tay and Metzler, "SCARF: Self-Supervised Contrastive Learning using Random
    Feature Corruption", ICLR 2022. https://arxiv.org/abs/2106.15147

    Examples
    --------
    >>> import torch
    >>> from skssl.views import TabularViews
    >>> rows = torch.arange(12.0).reshape(4, 3)
    >>> TabularViews(swap=0.5)(rows, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3])
    """

    swap: float = param(BELOW_ONE, default=0.3)
    local_swap: float = param(BELOW_ONE, default=0.6)

    def local(self) -> Self:
        """Return views that show fewer of a row's own cells (`local_swap`).

        Returns
        -------
        TabularViews
            A changed copy of these views.
        """
        return replace(self, swap=self.local_swap)

    def weak(self) -> Self:
        """Return the rows as they are.

        Returns
        -------
        TabularViews
            Views that change nothing.
        """
        return replace(self, swap=0.0)

    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        return swap_cells(batch, generator=generator, probability=self.swap)
