"""Folders of networks for texts, as `transformers` and `sentence-transformers` write them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from skssl._quote import quoted
from skssl.modality._folders import HUB, build_network, open_folder, read_json
from skssl.nn import SentenceEncoder, SentencePooling, Weights

# Kinds of modules of sentence-transformers, by the last part of their names.
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")


@dataclass
class TextNetwork:
    """What there is to know of a network for texts, but for its weights.

    Parameters
    ----------
    config : str
        The configuration of `transformers`, in JSON.
    tokenizer : str
        That of the library `tokenizers`, in JSON.
    before, after : list of int
        Ids that the tokenizer puts before and after those of a text.
    max_length : int
        How many tokens of a text the network takes.
    padding : int
        Id of what fills up shorter texts.
    pooling : str
        How tokens make an embedding: "mean", "cls" or "max".
    normalize : bool
        Whether embeddings are brought to unit length.
    """

    config: str
    tokenizer: str
    before: list[int]
    after: list[int]
    max_length: int
    padding: int
    pooling: str
    normalize: bool

    def build(self, name: str, weights: Weights | None) -> SentenceEncoder:
        """Return the encoder with the weights that are asked for; None is random ones."""
        return SentenceEncoder(
            build_network(name, self.config, weights),
            before=self.before,
            after=self.after,
            padding=self.padding,
            pooling=cast(SentencePooling, self.pooling),
            normalize=self.normalize,
        )


def read_network(name: str) -> TextNetwork:
    """Return what a folder says of its network, but for the weights.

    Parameters
    ----------
    name : str
        "HUB/" and a folder, or the name of one that the hub has.

    Raises
    ------
    ImportError
        Without the package `transformers`.
    ValueError
        If there is no such folder and it cannot be had, something is missing in it, or it holds
        something else.
    """
    folder, config = open_folder(name)
    if not hasattr(config, "vocab_size") and hasattr(config, "patch_size"):
        raise ValueError(
            f"encoder={name!r} is a network for images or clips ({config.model_type}), and the "
            "samples of X are texts."
        )
    pooling, normalize, max_length = _on_top(folder, name)
    tokenizer, before, after = _tokenizer(folder, name)
    n_rows = getattr(config, "vocab_size", None)
    _check_rows(n_rows, tokenizer, [*before, *after], name)
    # Positions of some networks begin behind the padding.
    positions = getattr(config, "max_position_embeddings", None)
    most = positions or 10**6
    if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        most -= 2
    special = len(before) + len(after)
    if min(max_length or most, most) <= special:
        raise ValueError(
            f"encoder={name!r} has no room for a token of a text beside its {special} special "
            f"ones: max_position_embeddings of config.json is {positions}, max_seq_length of "
            f"sentence_bert_config.json is {max_length}."
        )
    max_length = min(max_length or most, most) - special
    # Some configurations have -1 for none.
    said = getattr(config, "pad_token_id", None)
    padding = said if isinstance(said, int) and 0 <= said < (n_rows or said + 1) else 0
    return TextNetwork(
        json.dumps(config.to_dict(), default=str),
        tokenizer,
        before,
        after,
        max_length,
        padding,
        pooling,
        normalize,
    )


def _check_rows(n_rows: int | None, tokenizer: str, special: list[int], name: str) -> None:
    """Raise an error if the tokenizer knows tokens for which the network has no row."""
    from tokenizers import Tokenizer

    vocabulary = Tokenizer.from_str(tokenizer).get_vocab()
    last = max([*vocabulary.values(), *special], default=-1)
    if n_rows is not None and last >= n_rows:
        token = next((quoted(token) for token, i in vocabulary.items() if i == last), "a special")
        raise ValueError(
            f"encoder={name!r}: the network knows {n_rows} tokens (vocab_size of config.json), but "
            f"tokenizer.json has more: the id of {token} is {last}. They belong to different "
            "networks, or tokens were added without model.resize_token_embeddings(...)."
        )


def _on_top(folder: Path, name: str) -> tuple[str, bool, int | None]:
    """Return how sentence-transformers makes a vector of tokens, and of how many."""
    if not (folder / "modules.json").exists():
        return "mean", False, None
    pooling, normalize = "mean", False
    modules = read_json(folder / "modules.json", name, list)
    wrong = next((module for module in modules if not isinstance(module, dict)), None)
    if wrong is not None:
        raise ValueError(
            f"encoder={name!r}: modules.json must hold a list of modules, each a dict with a "
            f"'type' and a 'path', got {quoted(wrong)}."
        )
    for module in modules:
        kind = str(module.get("type")).rpartition(".")[2]
        if kind not in _KNOWN_MODULES or (kind == "Transformer" and module.get("path")):
            raise ValueError(
                f"encoder={name!r}: modules.json has {quoted(module.get('type'))}, and what is "
                f"known here are a Transformer in the folder itself, Pooling and Normalize. Build "
                "the network yourself, and pass it as an nn.Module."
            )
        if kind == "Pooling":
            path = folder / str(module.get("path")) / "config.json"
            pooling = _pooling(read_json(path, name, dict), name)
        normalize = normalize or kind == "Normalize"
    length = _on_texts(folder, name).get("max_seq_length")
    is_count = isinstance(length, int) and not isinstance(length, bool) and length > 0
    if length is not None and not is_count:
        raise ValueError(
            f"encoder={name!r}: max_seq_length of sentence_bert_config.json must be a positive "
            f"int or null, got {quoted(length)}."
        )
    return pooling, normalize, length


def _on_texts(folder: Path, name: str) -> dict[str, Any]:
    """Return what sentence-transformers does with texts before the network."""
    path = folder / "sentence_bert_config.json"
    said: dict[str, Any] = read_json(path, name, dict) if path.exists() else {}
    return said


def _pooling(said: dict[str, Any], name: str) -> str:
    known = {"mean": "mean", "cls": "cls", "max": "max"}
    asked = [part.removeprefix("pooling_mode_") for part in said if said[part] is True]
    asked = [part.removesuffix("_tokens").removesuffix("_token") for part in asked]
    asked = [part for part in asked if part != "include_prompt"]
    if isinstance(said.get("pooling_mode"), str):
        asked = [said["pooling_mode"]]
    if len(asked) != 1 or asked[0] not in known:
        raise ValueError(
            f"encoder={name!r} makes an embedding of tokens by {asked}; known here are one of "
            "'mean', 'cls' and 'max'."
        )
    return known[asked[0]]


def _tokenizer(folder: Path, name: str) -> tuple[str, list[int], list[int]]:
    """Return a tokenizer in JSON, and the ids that it puts before and after those of a text."""
    from tokenizers import Tokenizer, normalizers

    path = folder / "tokenizer.json"
    if not path.exists():
        raise ValueError(
            f"encoder={name!r}: the folder {str(folder)!r} has no tokenizer.json, without which "
            "nobody knows what the numbers of its words are. Download it from where the other "
            f"files are from, such as {HUB}, to that folder, or write it with "
            "transformers.AutoTokenizer.from_pretrained(...).save_pretrained(folder)."
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library has no class of its own for this
        raise ValueError(f"encoder={name!r}: {path.name} is no tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if _on_texts(folder, name).get("do_lower_case"):
        own = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])
    inner = tokenizer.encode("a", add_special_tokens=False).ids
    whole = tokenizer.encode("a").ids
    for start in range(len(whole) - len(inner) + 1):
        if inner and whole[start : start + len(inner)] == inner:
            return tokenizer.to_str(), whole[:start], whole[start + len(inner) :]
    raise ValueError(
        f"encoder={name!r}: {path.name} makes {whole} of 'a', where a text and special tokens "
        "around it were expected."
    )
