"""Folders of networks, as `transformers` writes them, and what is the same for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from skssl._quote import quoted
from skssl.nn import Weights

# What is downloaded, none of which is code.
_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "*/config.json")
HUB = "https://huggingface.co"
# Parts of networks that are on top of them for another task, and would never be trained.
_ON_TOP = ("pooler", "predictor")


def build_network(name: str, config: str, weights: Weights | None) -> nn.Module:
    """Return a network with the weights that are asked for; None is random ones.

    Parameters
    ----------
    name : str
        "HUB/" and a folder, or the name of one that the hub has.
    config : str
        The configuration of `transformers`, in JSON.
    weights : Weights or None
    """
    transformers = import_transformers(name)
    if weights is not None and weights.name is not None and not weights.only_form:
        if weights.name != "auto":
            raise ValueError(
                f"weights={weights.name!r}: encoder={name!r} has the weights of its folder "
                "('auto'); others are a pathlib.Path, a dict, or None."
            )
        return _load(find_folder(name), name)
    known = transformers.AutoConfig.for_model(**json.loads(config))
    network = transformers.AutoModel.from_config(known, trust_remote_code=False)
    network = _without_top(network)
    if weights is not None and weights.name is None:
        without = tuple(f"{part}." for part in _ON_TOP)
        weights.load_into(network, title=f"encoder={name!r}", without=without)
    return network


def open_folder(name: str) -> tuple[Path, Any]:
    """Return the folder of a network, with its weights, and its configuration.

    Raises
    ------
    ImportError
        Without the package `transformers`.
    ValueError
        If there is no such folder and it cannot be had, something is missing in it, or it holds
        something else.
    """
    import_transformers(name)
    folder = find_folder(name)
    if not any(folder.glob("*.safetensors")):
        pickles = [path.name for path in folder.glob("*.bin")]
        there = f", but {pickles[0]}, a pickle, which is not read" if pickles else ""
        raise ValueError(
            f"encoder={name!r}: the folder {str(folder)!r} has no model.safetensors{there}. "
            f"Download it from where the other files are from, such as {HUB}, to that folder, or "
            "write it with model.save_pretrained(folder)."
        )
    return folder, _config(folder, name)


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
        f"{failed}). Where that can be reached, download the files of {HUB}/{repository} "
        "(model.safetensors, config.json, for texts tokenizer.json, and modules.json with what it "
        "names, for images and clips preprocessor_config.json or video_preprocessor_config.json) "
        f"to a folder, and pass encoder='{hub}/PATH/OF/THE/FOLDER'."
    ) from failed


def import_transformers(name: str) -> Any:
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
        config = import_transformers(name).AutoConfig.from_pretrained(
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


@torch.no_grad()
def _load(folder: Path, name: str) -> nn.Module:
    """Return the network of a folder, with all of its weights."""
    try:
        with _without_bar():
            network, told = import_transformers(name).AutoModel.from_pretrained(
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
    network = _without_top(network)
    on_top = tuple(f"{part}." for part in _ON_TOP)
    missing = sorted(key for key in told["missing_keys"] if not key.startswith(on_top))
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


def _without_top(network: nn.Module) -> nn.Module:
    """Take away the parts that are for another task."""
    for part in _ON_TOP:
        if isinstance(getattr(network, part, None), nn.Module):
            network.register_module(part, None)
    return network


def read_json(path: Path, name: str, kind: type) -> Any:
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
