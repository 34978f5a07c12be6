"""Finished trainings in a folder, for whoever would train the same."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path
from typing import Self

import joblib

from skssl._quote import quoted
from skssl._sklearn_compat import Options
from skssl._warn import warn


class Folder(Options):
    """The name of a folder, which need not be there yet."""

    def __init__(self) -> None:
        self.hidden = False

    def is_satisfied_by(self, val: object) -> bool:
        return isinstance(val, (str, Path)) and val != ""

    def __str__(self) -> str:
        return "a folder (a str that is not empty, or a pathlib.Path)"


class Trainings:
    """Files of one folder, each with what was trained for some epochs.

    A search clones its estimator for each candidate and round, often in another process, so what
    is to be shared lies outside of the estimators. What is read is unpickled, which runs the code
    of whoever wrote it, so that must have been this user.
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
                f"are unpickled, and {str(self.folder)!r} {doubt}. Say one that is not there "
                "yet, or make this one yours (chmod go-w)."
            )

    def save(self, key: str, n_epochs: int, trained: dict[str, object]) -> None:
        """Keep what was trained for so many epochs."""
        # Another process may write the same: whoever reads finds one of the two, and all of it.
        handle, name = tempfile.mkstemp(dir=self.folder, suffix=".unfinished")
        try:
            with os.fdopen(handle, "wb") as file:
                pickle.dump(trained, file)
            Path(name).replace(self._path(key, n_epochs))
        finally:
            Path(name).unlink(missing_ok=True)

    def load(self, key: str, ends: list[int]) -> dict[str, object]:
        """Return the longest training of one of these numbers of epochs, {} if there is none."""
        for n_epochs in reversed(ends):
            path = self._path(key, n_epochs)
            try:
                return _load(path)
            except FileNotFoundError:
                continue
            # What a file of another environment raises can be anything.
            except Exception as error:
                warn(f"warm_start: {path} is passed over, and its part trained anew: {error!r}")
        return {}

    def _path(self, key: str, n_epochs: int) -> Path:
        return self.folder / f"{key}.{n_epochs}.pickle"


def _load(path: Path) -> dict[str, object]:
    """Unpickle a file that nobody else can have written."""
    with open(path, "rb", opener=_open_itself) as file:
        doubt = _who_else_writes(os.fstat(file.fileno()))
        if doubt:
            raise PermissionError(f"the file {doubt}")
        return pickle.load(file)


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
