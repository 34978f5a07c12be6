"""Networks for series by others, from their own packages, as encoders. Imports none of these."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from skssl._quote import quoted
from skssl.nn._pretrained import Pretrained


class ScaleOfMantis(nn.Module):
    """Give every series mean 0 and standard deviation 1, by the formula of Mantis."""

    def forward(self, series: Tensor) -> Tensor:
        mean, std = series.mean(dim=2, keepdim=True), series.std(dim=2, keepdim=True)
        return (series - mean) / (std + 1e-5)


class MomentEncoder(nn.Module):
    """What MOMENT makes of series (n, channels, length): the mean over patches and channels.

    Parameters
    ----------
    network : nn.Module
        Of momentfm.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, series: Tensor) -> Tensor:
        network: Any = self.network
        embeddings: Tensor = network.embed(x_enc=series).embeddings
        return embeddings


def mantis_start(network: nn.Module, *, size: int = 512) -> Pretrained:
    """Return a Mantis of the package `mantis-tsfm` as an encoder of series, adapted gently.

    Series are resized to the length that it has learned with, and their channels go through it one
    by one and stand side by side, as its authors have it. ``Series(normalize=None)`` leaves it the
    level and the size of the values, which it looks at as well.

    Parameters
    ----------
    network : nn.Module
        A ``MantisV1``, ``MantisV2`` or ``Mantis8M``. What of it can be neither copied nor kept in a
        file is replaced in it by what computes the same.
    size : int, default=512
        A multiple of its number of patches; for the first version, its ``seq_len``.

    Returns
    -------
    Pretrained

    Examples
    --------
    The weights are those that its package loads::

        from mantis.architecture import MantisV2
        network = MantisV2(device="cpu").from_pretrained("paris-noah/MantisV2")
        SimCLR(encoder=skssl.nn.mantis_start(network), max_epochs=0)
    """
    generator: Any = getattr(network, "tokgen_unit", None)
    if not isinstance(network, nn.Module) or not hasattr(generator, "ts_scaler"):
        raise TypeError(
            "network must be a MantisV1, MantisV2 or Mantis8M of the package mantis-tsfm, got "
            f"{quoted(network)}."
        )
    known: Any = network
    expected = getattr(known, "seq_len", None)
    fits = isinstance(size, int) and size >= 1 and size % known.num_patches == 0
    if not fits or expected not in (None, size):
        allowed = f"a multiple of its {known.num_patches} patches" if expected is None else expected
        raise ValueError(f"size must be {allowed} for this network, got {quoted(size)}.")
    # A lambda, which no pickle takes.
    vars(generator).pop("ts_scaler", None)
    generator.ts_scaler = ScaleOfMantis()
    for part in network.modules():
        for name, value in list(vars(part).items()):
            # Python copies no object of this kind; what it calls is an ordinary function.
            if isinstance(value, staticmethod):
                setattr(part, name, value.__func__)
    return Pretrained(network, size=size, channels=1)


def moment_start(network: nn.Module) -> Pretrained:
    """Return a MOMENT of the package `momentfm` as an encoder of series, adapted gently.

    Series are resized to the length that it takes, and the embedding is its own: the mean over
    patches and channels. It scales every channel itself.

    Parameters
    ----------
    network : nn.Module
        A ``MOMENTPipeline`` or ``MOMENT``, made with ``enable_gradient_checkpointing=False``, which
        leaves in it what can be neither copied nor kept in a file; ``at_once`` of
        :class:`Pretrained` is in its place. Nearly all of its weights stay as they are unless
        ``freeze_encoder=False`` and ``freeze_embedder=False`` are passed as well.

    Returns
    -------
    Pretrained

    Examples
    --------
    The weights are those that its package loads::

        from momentfm import MOMENTPipeline
        says = {"task_name": "embedding", "enable_gradient_checkpointing": False}
        network = MOMENTPipeline.from_pretrained("AutonLab/MOMENT-1-small", model_kwargs=says)
        SimCLR(encoder=skssl.nn.moment_start(network), max_epochs=0)
    """
    known: Any = network
    is_known = hasattr(known, "embed") and hasattr(known, "seq_len")
    if not isinstance(network, nn.Module) or not is_known:
        raise TypeError(
            "network must be a MOMENTPipeline or MOMENT of the package momentfm, got "
            f"{quoted(network)}."
        )
    if any(getattr(part, "gradient_checkpointing", False) for part in network.modules()):
        raise ValueError(
            "network computes its gradient in parts, for which it has what can be neither copied "
            "nor kept in a file: make it with model_kwargs={'task_name': 'embedding', "
            "'enable_gradient_checkpointing': False}."
        )
    return Pretrained(MomentEncoder(network), size=int(known.seq_len))
