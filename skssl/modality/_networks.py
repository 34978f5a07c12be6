"""Folders of networks for texts, as `transformers` and `sentence-transformers` write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from skssl._quote import quoted
from skssl.nn import SentenceEncoder, SentencePooling, Weights

# What is downloaded, none of which is code.
_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "*/config.json")
# Kinds of modules of sentence-transformers, by the last part of their names.
_KNOWN_MODULES = ("Transformer", "Pooling", "Normalize")
_HUB = "https://huggingface.co"


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
        transformers = _transformers(name)
        if weights is not None and weights.name is not None and not weights.only_form:
            if weights.name != "auto":
                raise ValueError(
                    f"weights={weights.name!r}: encoder={name!r} has the weights of its folder "
                    "('auto'); others are a pathlib.Path, a dict, or None."
                )
            network = _load(find_folder(name), name)
        else:
            known = json.loads(self.config)
            config = transformers.AutoConfig.for_model(**known)
            network = transformers.AutoModel.from_config(config, trust_remote_code=False)
            network = _without_pooler(network)
            if weights is not None and weights.name is None:
                weights.load_into(network, title=f"encoder={name!r}", without=("pooler.",))
        return SentenceEncoder(
            network,
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
    _transformers(name)
    folder = find_folder(name)
    if not any(folder.glob("*.safetensors")):
        pickles = [path.name for path in folder.glob("*.bin")]
        there = f", but {pickles[0]}, a pickle, which is not read" if pickles else ""
        raise ValueError(
            f"encoder={name!r}: the folder {str(folder)!r} has no model.safetensors{there}. "
            f"Download it from where the other files are from, such as {_HUB}, to that folder, or "
            "write it with model.save_pretrained(folder)."
        )
    config = _config(folder, name)
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


def find_folder(name: str) -> Path:
    """Return the folder of a network: as it is named, or of the hub's copies on this machine."""
    hub, _, rest = name.partition("/")
    folder = Path(rest).expanduser()
    if rest and folder.is_dir():
        return folder
    repository = name if hub == "sentence-transformers" and "/" not in rest else rest
    where = (
        f"encoder={name!r}: there is no folder {str(folder)!r}"
        if rest
        else f"encoder={name!r} names no folder: write {hub + '/'!r} and its path"
    )
    if folder.is_absolute() or rest.startswith((".", "~")) or not 0 < repository.count("/") < 2:
        raise ValueError(f"{where}.")
    from huggingface_hub import snapshot_download

    failed: Exception | None = None
    for only_here in (True, False):
        try:
            found = snapshot_download(
                repository, allow_patterns=list(_FILES), local_files_only=only_here
            )
            return Path(found)
        # What a hub raises can be anything.
        except Exception as error:
            failed = error
    raise ValueError(
        f"{where}, and the network could not be had from the hub ({type(failed).__name__}: "
        f"{failed}). Where that can be reached, download the files of {_HUB}/{repository} "
        "(model.safetensors, config.json, tokenizer.json, and modules.json with what it names, if "
        f"there is one) to a folder, and say encoder='{hub}/PATH/OF/THE/FOLDER'."
    ) from failed


def _transformers(name: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ImportError(
            f"encoder={name!r} needs transformers: pip install 'skssl[transformers]'."
        ) from error
    return transformers


def _config(folder: Path, name: str) -> Any:
    if not (folder / "config.json").exists():
        raise ValueError(
            f"encoder={name!r}: the folder {str(folder)!r} has no config.json, by which "
            "transformers tells what network it holds. A folder of model2vec is for "
            "Text(vectors=pathlib.Path(...))."
        )
    try:
        config = _transformers(name).AutoConfig.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # of what a file says, which can be anything
        raise ValueError(
            f"encoder={name!r}: transformers cannot make a network of config.json without running "
            f"code that comes with it: {_first_line(error)}"
        ) from error
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(
            f"encoder={name!r} is a network with a decoder ({config.model_type}); one that only "
            "encodes is needed."
        )
    return config


def _on_top(folder: Path, name: str) -> tuple[str, bool, int | None]:
    """Return how sentence-transformers makes a vector of tokens, and of how many."""
    if not (folder / "modules.json").exists():
        return "mean", False, None
    pooling, normalize = "mean", False
    modules = _json(folder / "modules.json", name, list)
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
            pooling = _pooling(_json(path, name, dict), name)
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
    said: dict[str, Any] = _json(path, name, dict) if path.exists() else {}
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
            f"files are from, such as {_HUB}, to that folder, or write it with "
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


@torch.no_grad()
def _load(folder: Path, name: str) -> nn.Module:
    """Return the network of a folder, with all of its weights."""
    try:
        with _without_bar():
            network, told = _transformers(name).AutoModel.from_pretrained(
                folder,
                trust_remote_code=False,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as error:  # of what a file holds, which can be anything
        raise ValueError(
            f"encoder={name!r}: the weights in {str(folder)!r} cannot be loaded: "
            f"{_first_line(error)}"
        ) from error
    network = _without_pooler(network)
    missing = sorted(key for key in told["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(
            f"encoder={name!r}: the weights in {str(folder)!r} fit its config.json in part only: "
            f"{len(missing)} are missing, such as {missing[0]!r}."
        )
    return network


@contextmanager
def _without_bar() -> Iterator[None]:
    """Keep transformers from drawing a bar while it loads weights."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _without_pooler(network: nn.Module) -> nn.Module:
    """Take away the layer that some have on top for another task, which would never be trained."""
    if isinstance(getattr(network, "pooler", None), nn.Module):
        network.pooler = None  # type: ignore[assignment]
    return network


def _json(path: Path, name: str, kind: type) -> Any:
    """Return what a file holds, a list or a dict."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"encoder={name!r}: {path.name} cannot be read: {error}") from error
    if not isinstance(content, kind):
        raise ValueError(
            f"encoder={name!r}: {path.name} must hold a {kind.__name__}, got {quoted(content)}."
        )
    return content


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
