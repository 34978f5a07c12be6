"""Methods that sort samples into groups, and learn to find a view's group from another view."""

from skssl.clustering._deepcluster import DeepCluster
from skssl.clustering._smog import SMoG
from skssl.clustering._swav import SwAV

__all__ = ["DeepCluster", "SMoG", "SwAV"]
