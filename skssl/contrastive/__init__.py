"""Contrastive methods: tell the views of a sample from those of others."""

from skssl.contrastive._simclr import SimCLR

__all__ = ["SimCLR"]
