"""Networks: default encoders, heads, and what ties them into an objective."""

from skssl.nn._adapting import Plan, adapted, check_plan
from skssl.nn._cells import TableHead, TableTokens, TextTokens
from skssl.nn._decoder import MapDecoder
from skssl.nn._dictionary import PATCHES_FROM, PatchDictionary
from skssl.nn._embedding import Embedding
from skssl.nn._encoders import (
    MLPEncoder,
    SideBySide,
    SmallConvNet,
    channels_last,
    has_attention,
    has_convolutions,
)
from skssl.nn._heads import (
    PairwiseHead,
    PartsHead,
    Prototypes,
    auto_prototypes,
    mlp_head,
    random_directions,
)
from skssl.nn._kmeans import spherical_kmeans
from skssl.nn._layers import is_batch_norm, layer_rates, learned_batch_norms
from skssl.nn._objective import (
    AllBatches,
    DrawViews,
    JointObjective,
    MultiViewObjective,
    Objective,
    PairObjective,
    apply_by_size,
)
from skssl.nn._patches import Patches, patch_sizes
from skssl.nn._point_patches import PointPatches, chamfer
from skssl.nn._points import FillPoints, PointNet
from skssl.nn._pretrained import IMAGENET_MEAN, IMAGENET_STD, Pretrained
from skssl.nn._pyramid import Pyramid
from skssl.nn._queue import Queue, auto_queue_size
from skssl.nn._sentences import SentenceEncoder, SentencePooling
from skssl.nn._series import (
    DilatedConvNet,
    FillGaps,
    KernelComponents,
    KernelEncoder,
    KernelEncoders,
    KernelProjection,
    RandomKernels,
    SeriesResNet,
)
from skssl.nn._series_patches import NormalizeEach, SeriesPatches
from skssl.nn._series_starts import mantis_start, moment_start
from skssl.nn._shares import in_shares, shared_among, unshared
from skssl.nn._tabular import TableEncoder, TableStem
from skssl.nn._teacher import TaughtObjective, Teacher, TeacherStays, rising_momentum
from skssl.nn._text import BagEncoder, LatentSemantics, TakeTokens, TextTransformer
from skssl.nn._timm import timm_start
from skssl.nn._tokenizer import FillingTokenizer, Pieces, Tokenizer, first_of, take
from skssl.nn._tokens import Positions, TokenEncoder, TransformerLayers
from skssl.nn._torchvision import (
    small_vit,
    torchvision_encoder,
    torchvision_names,
    torchvision_start,
    torchvision_video_names,
)
from skssl.nn._video import SmallVideoNet
from skssl.nn._vision import VisionEncoder, VisionPooling
from skssl.nn._weights import StateDict, Weights, looks_like_file
from skssl.nn._whitening import IterNorm

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "PATCHES_FROM",
    "AllBatches",
    "BagEncoder",
    "DilatedConvNet",
    "DrawViews",
    "Embedding",
    "FillGaps",
    "FillPoints",
    "FillingTokenizer",
    "IterNorm",
    "JointObjective",
    "KernelComponents",
    "KernelEncoder",
    "KernelEncoders",
    "KernelProjection",
    "LatentSemantics",
    "MLPEncoder",
    "MapDecoder",
    "MultiViewObjective",
    "NormalizeEach",
    "Objective",
    "PairObjective",
    "PairwiseHead",
    "PartsHead",
    "PatchDictionary",
    "Patches",
    "Pieces",
    "Plan",
    "PointNet",
    "PointPatches",
    "Positions",
    "Pretrained",
    "Prototypes",
    "Pyramid",
    "Queue",
    "RandomKernels",
    "SeriesPatches",
    "SeriesResNet",
    "SentenceEncoder",
    "SentencePooling",
    "SideBySide",
    "SmallConvNet",
    "SmallVideoNet",
    "StateDict",
    "TableEncoder",
    "TableHead",
    "TableStem",
    "TableTokens",
    "TakeTokens",
    "TaughtObjective",
    "Teacher",
    "TeacherStays",
    "TextTokens",
    "TextTransformer",
    "TokenEncoder",
    "Tokenizer",
    "TransformerLayers",
    "VisionEncoder",
    "VisionPooling",
    "Weights",
    "adapted",
    "apply_by_size",
    "auto_prototypes",
    "auto_queue_size",
    "chamfer",
    "channels_last",
    "check_plan",
    "first_of",
    "has_attention",
    "has_convolutions",
    "in_shares",
    "is_batch_norm",
    "layer_rates",
    "learned_batch_norms",
    "looks_like_file",
    "mantis_start",
    "mlp_head",
    "moment_start",
    "patch_sizes",
    "random_directions",
    "rising_momentum",
    "shared_among",
    "small_vit",
    "spherical_kmeans",
    "take",
    "timm_start",
    "torchvision_encoder",
    "torchvision_names",
    "torchvision_start",
    "torchvision_video_names",
    "unshared",
]
