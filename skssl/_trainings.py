"""Trainings in files, for whoever goes on with them."""

from __future__ import annotations

import io
import json
import os
import pickle
import tempfile
import zlib
from pathlib import Path
from typing import Any, Self

import joblib
import torch
from sklearn.base import BaseEstimator

from skssl._quote import quoted
from skssl._sklearn_compat import Options
from skssl._warn import warn

__all__ = [
    "NO_PICKLE",
    "DamagedError",
    "File",
    "Folder",
    "TrainingFile",
    "Trainings",
    "trained",
    "unpickled",
]

# What is raised by what cannot be pickled.
NO_PICKLE = (pickle.PicklingError, AttributeError, TypeError)

# The first line of a file, with the number of its form.
_FIRST_LINE = b"skssl training 1\n"
_UNFINISHED = ".unfinished"


class _PathOption(Options):
    """A str that is not empty, or a path, of what need not be there yet."""

    what: str

    def __init__(self) -> None:
        self.hidden = False

    def is_satisfied_by(self, val: object) -> bool:
        return isinstance(val, (str, Path)) and val != ""

    def __str__(self) -> str:
        return f"a {self.what} (a str that is not empty, or a pathlib.Path)"


class Folder(_PathOption):
    """The name of a folder."""

    what = "folder"


class File(_PathOption):
    """The name of a file."""

    what = "file"


class DamagedError(ValueError):
    """A file is not what was written."""


class TrainingFile:
    """A file with a training: a line that tells which one, and what is needed to go on with it.

    It is written as a whole or not at all. What it tells is JSON, which can be read before anybody
    knows whether the rest is of any use here. The rest is unpickled, which runs the code of whoever
    wrote it, so that must have been this user.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, told: dict[str, Any], content: dict[str, Any]) -> None:
        """Write the file anew."""
        buffer = io.BytesIO()
        torch.save(content, buffer)
        data = buffer.getbuffer()
        line = json.dumps({**told, "bytes": len(data), "crc32": zlib.crc32(data)}).encode()
        # Another process may write the same: whoever reads finds one of the two, and all of it.
        handle, name = tempfile.mkstemp(
            dir=self.path.parent, prefix=f"{self.path.name}.", suffix=_UNFINISHED
        )
        try:
            with os.fdopen(handle, "wb") as file:
                for part in (_FIRST_LINE, line, b"\n", data):
                    file.write(part)
                file.flush()
                # Otherwise a machine that stops may leave a name without its data.
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        finally:
            Path(name).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove what writers have left that were killed."""
        for path in self.path.parent.iterdir():
            if path.name.startswith(f"{self.path.name}.") and path.suffix == _UNFINISHED:
                path.unlink(missing_ok=True)

    def read(self) -> tuple[dict[str, Any], bytes]:
        """Return what the file tells, and what :func:`unpickled` takes.

        Raises
        ------
        FileNotFoundError
        DamagedError
            If it is no such file, or not the whole of one.
        PermissionError
            If others can have written it.
        """
        with open(self.path, "rb", opener=_open_itself) as file:
            doubt = _who_else_writes(os.fstat(file.fileno()))
            if doubt:
                raise PermissionError(f"the file {doubt}")
            if file.readline(len(_FIRST_LINE)) != _FIRST_LINE:
                raise DamagedError("it does not begin as such files do")
            line, data = file.readline(), file.read()
        try:
            told = json.loads(line)
            is_whole = len(data) == told["bytes"] and zlib.crc32(data) == told["crc32"]
        except (ValueError, LookupError, TypeError) as error:
            raise DamagedError("its second line cannot be read") from error
        if not is_whole:
            raise DamagedError("what it holds is not what was written")
        return told, data


class Trainings:
    """Files of one folder, each with what was trained for some epochs.

    A search clones its estimator for each candidate and round, often in another process, so what
    is to be shared lies outside of the estimators.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def at(cls, warm_start: bool | str | Path | joblib.Memory) -> Self | None:
        """Return those of a folder, or that of a Memory; None where none are kept."""
        if isinstance(warm_start, (str, Path)):
            return cls(Path(warm_start).expanduser())
        if not isinstance(warm_start, joblib.Memory) or warm_start.store_backend is None:
            return None
        if warm_start.backend != "local":
            raise ValueError(
                f"warm_start={quoted(warm_start)} has the backend {warm_start.backend!r}; it must "
                "be a folder, or a Memory with the backend 'local'."
            )
        return cls(Path(warm_start.store_backend.location) / "skssl")

    def open(self) -> None:
        """Make the folder if it is not there, and raise an error if others can write in it."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            doubt = _who_else_writes(self.folder.stat())
        except OSError as error:
            raise ValueError(
                f"warm_start must be a folder of your own, and {str(self.folder)!r} cannot "
                f"be made one: {error}"
            ) from error
        if doubt:
            raise ValueError(
                f"warm_start must be a folder in which nobody but you can write, for its files "
                f"are unpickled, and {str(self.folder)!r} {doubt}. Pass one that is not there "
                "yet, or make this one yours (chmod go-w)."
            )

    def save(self, key: str, n_epochs: int, trained: dict[str, object]) -> None:
        """Keep what was trained for so many epochs."""
        self._file(key, n_epochs).write({"epochs": n_epochs}, {"trained": trained})

    def load(self, key: str, ends: list[int]) -> dict[str, object]:
        """Return the longest training of one of these numbers of epochs, {} if there is none."""
        for n_epochs in reversed(ends):
            file = self._file(key, n_epochs)
            try:
                _, data = file.read()
                return unpickled(data)["trained"]
            except FileNotFoundError:
                continue
            # What a file of another environment raises can be anything.
            except Exception as error:
                warn(
                    f"warm_start: {file.path} is passed over, and its part trained anew: {error!r}"
                )
        return {}

    def _file(self, key: str, n_epochs: int) -> TrainingFile:
        return TrainingFile(self.folder / f"{key}.{n_epochs}.training")


def unpickled(data: bytes, device: torch.device | None = None) -> Any:
    """Return what was saved, with what was on another device than the CPU on `device`.

    That is the CPU by default.
    """

    def placed(storage: Any, location: str) -> Any:
        if location == "cpu" or device is None or device.type == "cpu":
            return storage
        return torch.serialization.default_restore_location(storage, str(device))

    return torch.load(io.BytesIO(data), map_location=placed, weights_only=False)


def trained(estimator: BaseEstimator) -> dict[str, Any]:
    """Return what ``fit`` set, and no parameters."""
    parameters = estimator.get_params(deep=False)
    return {name: value for name, value in vars(estimator).items() if name not in parameters}


def _open_itself(path: str, flags: int) -> int:
    """Open a file, and not what a link in its place points to."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _who_else_writes(status: os.stat_result) -> str:
    """Say by whom else a file or folder can be written, "" if by nobody.

    Where there are no owners and modes, as on Windows, there is nothing to look at.
    """
    if not hasattr(os, "geteuid"):
        return ""
    if status.st_uid != os.geteuid():
        return f"belongs to the user with the number {status.st_uid}"
    return "can be written by other users" if status.st_mode & 0o022 else ""
