"""Rows of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import compress
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, QuantileTransformer, StandardScaler
from torch import Tensor, nn

from skssl import _scales as scales
from skssl._declare import AT_LEAST_TWO, AUTO, StrOptions, param
from skssl._quote import quoted
from skssl._sklearn_compat import plain
from skssl._types import Auto, Samples
from skssl._warn import warn
from skssl.exceptions import ModalityWarning
from skssl.modality._base import Look, as_tensor, check_mask, check_numbers, no_patches
from skssl.modality._capabilities import Imputable
from skssl.modality._containers import as_samples, is_categorical, is_frame
from skssl.modality._doubts import doubts_of_categories, doubts_of_table
from skssl.modality._table import STRINGS, Table, is_none, read_columns, write_columns
from skssl.nn import TableEncoder, TableStem, TableTokens
from skssl.views import TabularViews, Views

# Codes of a column: what was not seen in fit, what is missing, then the categories.
_UNKNOWN, _MISSING, _FIRST = 0, 1, 2
# What is missing in a column without gaps in fit, about which nothing was learned. It can be told
# apart for imputing; networks read whole codes, and this as what was not seen.
_NEW_GAP = 0.5
_WITH_GAPS = ", with gaps"
_EMBEDDING_DIM = 8
_MAX_CATEGORIES = 100
# Share of a column that may lose its categories to the code of the rare ones without a warning.
_UNNOTICED = 1 / 3
_NAMES_IN_ERRORS = 20
# Share of a column that may be outliers.
_OUTLIERS = 0.05
# Ranks of outliers need no more; float64 ends a little later.
_FARTHEST = 1e300
_NUMBERS_AT_ONCE = 2**20
# Places at which the scale of a column is known to a tokenizer.
_KNOTS = 256


class Tabular(Imputable):
    """Rows of a table, with numbers, categories and gaps: 2-D arrays and DataFrames.

    Takes DataFrames of pandas, polars and modin, tables of pyarrow, arrays of numbers, and arrays
    of dtype object, whose columns may differ. With ``modality="auto"``, everything of 2 dimensions
    is a table, with a warning if it looks like one recording, or like series or images in rows.

    *Numbers* are put on one scale. A missing one (NaN, None, NA) becomes 0 after scaling, the
    mean of its column, and sets an indicator beside it. Columns without a gap in fit have no
    indicator, and those with a single value in fit count as 0 whatever they hold later.

    *Categories* become codes, with one of its own for missing values and one for everything unseen
    in fit, and the encoder learns a vector for each but the unseen, which counts as 0; so does a
    missing one in a column without gaps in fit. In a column of more than `max_categories`, the rare
    ones share a code. An empty string is a category.

    *Dates and times* are refused, since it is for you to say what they tell, such as year, month
    and weekday; as strings they are categories, with a warning.

    Parameters
    ----------
    categorical : "auto" or list, default="auto"
        The categorical columns, by name, by index, or as a mask. "auto" goes by dtype: category,
        string and bool of pandas; Categorical, Enum, String and Boolean of polars. Columns of
        dtype object are categorical if they hold strings or bools, and numeric if they hold
        numbers. Arrays of numbers or bools have none. Columns of strings that may be no
        categories, such as numbers, dates or ids, get a warning. A list names *all* categorical
        columns: those that are not in it have to hold numbers. To have integers of a DataFrame as
        categories beside what "auto" finds, give them the dtype instead, as by
        ``X.astype({"postal_code": "category"})``.
    max_categories : int, default=100
        Largest number of codes for the categories of a column; the rarest of more share one. If
        these are more than a third of the rows, the default warns.
    scaling : {"quantile", "standard"} or None, default="quantile"
        "quantile" maps each numeric column to a normal distribution by its quantiles and then to
        unit variance, which neither outliers nor skew disturb; "standard" only subtracts the mean
        and divides by the standard deviation, of all values but a few that would take all of the
        range, of which a warning tells; None leaves the values as they are.
    concat_input : bool or "auto", default="auto"
        Whether the embedding also has the input itself: scaled numbers, indicators, and one
        column of zeros and ones per category, before what was learned, which spreads as widely. A
        probe of both should not standardise them again. "auto" is False. Views, scores of views,
        and fine-tuning have to do with what was learned alone.

    Attributes
    ----------
    categorical_ : ndarray of bool
        Which columns are categorical. In prepared rows they come after the numeric ones.
    scaler_ : estimator or None
        The fitted scaler of the numbers.
    category_encoders_ : list of OrdinalEncoder
        The fitted encoder of each categorical column.
    columns_ : dict of str
        What became of each column, by name or index: a number, or how many categories. The repr and
        the HTML view of what is fitted show it.

    Examples
    --------
    >>> import pandas as pd
    >>> from skssl import VICReg
    >>> from skssl.modality import Tabular
    >>> X = pd.DataFrame({"age": [31, 55, None] * 20, "job": ["cook", "nurse", None] * 20})
    >>> ssl = VICReg(modality=Tabular(scaling="standard"), max_epochs=1, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (60, 256)
    """

    views_class = TabularViews
    allows_nan = True
    concatenates = False

    categorical: Auto[Sequence[Hashable] | np.ndarray] = param(AUTO, "array-like", default="auto")
    max_categories: int = param(AT_LEAST_TWO, default=_MAX_CATEGORIES)
    scaling: Literal["quantile", "standard"] | None = param(
        StrOptions({"quantile", "standard"}), None, default="quantile"
    )

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        return len(look.shape) == 2

    @classmethod
    def doubts(cls, look: Look, X: Samples) -> str | None:
        return doubts_of_table(X, look.shape) if len(look.shape) == 2 else None

    def check(self, X: Any, *, estimator: str, min_samples: int = 1) -> Table:
        self.check_parameters()
        auto = isinstance(self.categorical, str)
        X = as_samples(X)
        if is_categorical(X):
            raise ValueError(
                "X is a single column of categories; pass a DataFrame that has it, X.to_frame()."
            )
        if isinstance(X, (list, tuple)):
            X = _as_array(X)
        _refuse_one_line(X)
        by_column = is_frame(X) or (
            isinstance(X, np.ndarray) and X.ndim == 2 and (X.dtype.kind == "O" or not auto)
        )
        # Rows and columns are counted before any cell is looked at.
        numbers = check_numbers(
            np.broadcast_to(np.float32(0), X.shape) if by_column else X,
            dtypes=[np.float32],
            estimator=estimator,
            min_samples=min_samples,
            allow_nd=False,
            allow_nan=True,
        )
        if not by_column:
            return Table.of_numbers(numbers)
        columns = read_columns(X)
        if auto:
            categorical = np.array([column.categorical for column in columns])
        else:
            categorical = self._mask([column.name for column in columns], named=is_frame(X))
        return Table.of_columns(columns, categorical, len(X))

    def _mask(self, names: list[Hashable], *, named: bool) -> np.ndarray:
        """Return which columns `categorical` lists."""
        listed = list(self.categorical)
        mask = np.zeros(len(names), dtype=bool)
        if all(isinstance(item, (bool, np.bool_)) for item in listed):
            if len(listed) not in (0, len(names)):
                raise ValueError(
                    f"categorical is a mask of {len(listed)} columns, but X has {len(names)}."
                )
            return np.array(listed, dtype=bool) if len(listed) else mask
        for item in listed:
            # Names in a MultiIndex are tuples.
            if isinstance(item, (str, tuple)) and item in names:
                mask[names.index(item)] = True
            elif isinstance(item, (int, np.integer)) and 0 <= item < len(names):
                mask[int(item)] = True
            else:
                allowed = f"indices from 0 to {len(names) - 1}"
                if named:
                    more = ", ..." if len(names) > _NAMES_IN_ERRORS else ""
                    some = ", ".join(map(repr, names[:_NAMES_IN_ERRORS]))
                    allowed = f"{some}{more}, or {allowed}"
                raise ValueError(
                    f"categorical has {quoted(item)}, which is no column of X; allowed are "
                    f"{allowed}."
                )
        return mask

    def fit(self, X: Table) -> Self:
        self._seen = X[[]]
        self.categorical_ = X.categorical
        missing = np.isnan(X.numbers)
        self._indicators = np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0)).tolist()
        low, high = np.fmin.reduce(X.numbers, axis=0), np.fmax.reduce(X.numbers, axis=0)
        self._outliers = scales.find_outliers(X.numbers.T, low, high, share=_OUTLIERS)
        self._examples = [X.numbers[one.first, one.row] for one in self._outliers]
        if self.scaling is not None:
            # Of quantiles, which count ranks, a few values take no range.
            if self.scaling == "standard":
                self._warn_of_outliers()
            for one in self._outliers:
                low[one.row], high[one.row] = one.low, one.high
        elif X.numbers.dtype == np.float64:
            names = [f"column {name!r}" for name in self._number_names()]
            scales.check_resolution(
                low, high, names, "Pass Tabular(scaling='standard') or 'quantile'."
            )
        # QuantileTransformer takes what differs by less than 1e-7 for the same at both ends.
        self._units = scales.Units.of_range(low, high)
        self._constant = scales.are_constant(low, high)
        self._empty = np.isnan(low)
        self._constants = np.where(self._constant & ~self._empty, low, np.nan)
        self.scaler_ = self._make_scaler(len(X)) if X.numbers.shape[1] else None
        if self.scaler_ is not None:
            self.scaler_.fit(np.where(self._constant, 0.0, self._in_units(X.numbers)))
        self.category_encoders_ = []
        self._n_codes = []
        for values in X.categories.T:
            encoder = plain(
                OrdinalEncoder(
                    handle_unknown="use_encoded_value",
                    unknown_value=-1,
                    max_categories=self.max_categories,
                )
            )
            present = values[~is_none(values)]
            n_categories = 0
            if len(present):
                encoder.fit(self._to_count(present)[:, None])
                rare = encoder.infrequent_categories_[0]
                n_rare = 0 if rare is None else len(rare)
                n_categories = len(encoder.categories_[0]) - n_rare + (n_rare > 0)
            self.category_encoders_.append(encoder)
            self._n_codes.append(_FIRST + n_categories)
        self.columns_ = self._describe(X)
        for index, place in enumerate(X.places()):
            if X.categorical[index]:
                values = X.categories[:, place]
                values = values[~is_none(values)]
                if not self._doubt_categories(X, index, values):
                    self._warn_of_rare(X.names[index], values, self.category_encoders_[place])
        return self

    def _describe(self, X: Table) -> dict[object, str]:
        """Return what became of each column."""
        described = {}
        for name, is_category, place in zip(X.names, X.categorical, X.places(), strict=True):
            if is_category:
                encoder, n_codes = self.category_encoders_[place], self._n_codes[place] - _FIRST
                n_categories = len(encoder.categories_[0]) if n_codes else 0
                what = "1 category" if n_categories == 1 else f"{n_categories} categories"
                if n_codes < n_categories:
                    what += f" in {n_codes} codes"
                has_gaps = is_none(X.categories[:, place]).any()
            else:
                constant = self._constant[place]
                what = "number, which counts as 0" if constant else "number"
                has_gaps = np.isnan(X.numbers[:, place]).any()
            described[name] = what + _WITH_GAPS if has_gaps else what
        return described

    def _doubt_categories(self, X: Table, index: int, values: np.ndarray) -> bool:
        """Warn of a column of strings that may be no categories, and tell whether it may."""
        is_said = X.declared[index] or not isinstance(self.categorical, str)
        if is_said or X.kinds[index] != STRINGS:
            return False
        doubt, name = doubts_of_categories(values), X.names[index]
        if doubt:
            warn(
                f"Column {name!r} of X is taken for {self.columns_[name]}, but holds {doubt}. "
                "If it holds categories, give it the dtype 'category', or say so with "
                "Tabular(categorical=[...]).",
                ModalityWarning,
            )
        return doubt is not None

    def _warn_of_rare(self, name: Hashable, values: np.ndarray, encoder: OrdinalEncoder) -> None:
        """Warn if much of a column is lost, unless its number of codes was chosen."""
        rare = getattr(encoder, "infrequent_categories_", [None])[0]
        if rare is None or self.max_categories != _MAX_CATEGORIES:
            return
        counts = Counter(values)
        n_rare = sum(counts[category] for category in rare)
        if n_rare > _UNNOTICED * len(values):
            warn(
                f"Column {name!r} of X has {self.columns_[name]}. The {len(rare):,} rarest share "
                f"one, so that nothing tells these apart, in {n_rare:,} of {len(values):,} rows. "
                f"Tabular(max_categories={len(counts)}) gives each a code of its own; coarser "
                "categories may tell more."
            )

    def _number_names(self) -> list[Hashable]:
        return list(compress(self._seen.names, ~self.categorical_))

    def _warn_of_outliers(self) -> None:
        for one, value in zip(self._outliers, self._examples, strict=True):
            place = f"row {one.first}, column {self._number_names()[one.row]!r}"
            scales.warn_of_outliers(value, place, one.low, one.high, one.count - 1)

    def _in_units(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers in float64, in a size for it, and in the range of fit where it matters."""
        numbers = numbers.astype(np.float64)
        if self.scaling == "standard":
            for one in self._outliers:
                numbers[:, one.row] = numbers[:, one.row].clip(one.low, one.high)
        with np.errstate(over="ignore"):
            numbers = (numbers - self._units.shift) / self._units.unit
        return numbers.clip(-_FARTHEST, _FARTHEST)

    def _to_count(self, categories: np.ndarray) -> np.ndarray:
        """Return each category once, unless it matters how often there is one.

        The encoder counts in a loop over all rows. As many categories as it may have are counted
        as well: it gives the last code to the rarest.
        """
        different = list(dict.fromkeys(categories))
        if len(different) >= self.max_categories:
            return categories
        return np.array(different, dtype=object)

    def _make_scaler(self, n_samples: int) -> BaseEstimator | None:
        if self.scaling is None:
            return None
        if self.scaling == "standard":
            return plain(StandardScaler(copy=False))
        quantiles = QuantileTransformer(
            n_quantiles=min(1000, n_samples), output_distribution="normal", random_state=0
        )
        return plain(make_pipeline(quantiles, StandardScaler()))

    def preparation(self) -> dict[str, object]:
        scaler = self.scaler_
        if self.scaling == "quantile" and scaler is not None:
            quantiles, scaler = scaler[0], scaler[1]
        numbers: dict[str, Any] = {"columns": np.flatnonzero(~self.categorical_).tolist()}
        if self.scaling is not None:
            numbers |= {"constant": self._constant.tolist()} | self._units.told()
        if self.scaling == "standard":
            numbers["clip_to"] = {one.row: [one.low, one.high] for one in self._outliers}
        if scaler is not None:
            numbers["mean"], numbers["scale"] = scaler.mean_.tolist(), scaler.scale_.tolist()
            if self.scaling == "quantile":
                numbers["quantiles"] = quantiles.quantiles_.T.tolist()
                numbers["references"] = quantiles.references_.tolist()
        categories = []
        for column, encoder, missing in zip(
            np.flatnonzero(self.categorical_).tolist(),
            self.category_encoders_,
            self._missing_codes(),
            strict=True,
        ):
            names = getattr(encoder, "categories_", [np.empty(0, object)])[0]
            codes = encoder.transform(names[:, None])[:, 0] + _FIRST if len(names) else names
            pairs = zip(map(_as_json, names), map(int, codes), strict=True)
            categories.append(
                {
                    "column": column,
                    "holds": self._seen.kinds[column],
                    "codes": list(map(list, pairs)),
                    "missing": int(missing),
                }
            )
        return {
            "columns": [str(name) for name in self._seen.names],
            "dtype": "float32",
            "scaling": self.scaling,
            "numbers": numbers,
            "categories": categories,
            "unknown": _UNKNOWN,
        }

    def prepare(self, X: Table) -> Tensor:
        X = X.like(self._seen)
        numbers = np.empty(X.numbers.shape, dtype=np.float32)
        step = max(1, _NUMBERS_AT_ONCE // max(1, X.numbers.shape[1]))
        for start in range(0, len(numbers), step):
            rows = slice(start, start + step)
            numbers[rows] = self._scaled(X.numbers[rows], start)
        codes = np.tile(np.array(self._missing_codes(), dtype=np.float32), (len(X), 1))
        for index, values in enumerate(X.categories.T):
            present = ~is_none(values)
            if self._n_codes[index] == _FIRST:
                codes[present, index] = _UNKNOWN
            elif present.any():
                places = self.category_encoders_[index].transform(values[present][:, None])[:, 0]
                codes[present, index] = np.where(places < 0, _UNKNOWN, places + _FIRST)
        return as_tensor(np.hstack([numbers, codes]))

    def _missing_codes(self) -> list[float]:
        """Return the code of what is missing, for each categorical column."""
        names = compress(self._seen.names, self.categorical_)
        # By what files have told all along.
        had_gaps = [self.columns_[name].endswith(_WITH_GAPS) for name in names]
        return [_MISSING if gaps else _NEW_GAP for gaps in had_gaps]

    def _scaled(self, numbers: np.ndarray, start: int) -> np.ndarray:
        """Return the numbers of some rows, the first of which is `start`, on one scale."""
        scaled = numbers
        if self.scaler_ is not None:
            scaled = self._in_units(numbers)
            # Missing values stay missing.
            scaled[:, self._constant] = np.where(np.isnan(scaled[:, self._constant]), np.nan, 0.0)
            scaled = self.scaler_.transform(scaled)
        names = self._number_names()
        scales.check_size(
            scaled, numbers, lambda at: f"row {start + at[0]}, column {names[at[1]]!r}"
        )
        return scaled

    def tell_fitted(self) -> dict[str, str]:
        return {f"column {name!r}": what for name, what in getattr(self, "columns_", {}).items()}

    def stem(self) -> TableStem:
        return self._make_stem(_EMBEDDING_DIM)

    def plain_stem(self) -> TableStem:
        """Return scaled numbers, indicators, and one column of zeros and ones per category."""
        return self._make_stem(None)

    def _make_stem(self, dim: int | None) -> TableStem:
        n_numbers = self._seen.numbers.shape[1]
        return TableStem(n_numbers, self._indicators, self._n_codes, dim=dim)

    def describe(self, samples: Tensor | None, views: Views | None = None) -> nn.Module | None:
        return self.plain_stem() if self.has_description() else None

    def description_names(self, size: int) -> list[str]:
        numbers = list(map(str, self._number_names()))
        names = [*numbers, *(f"{numbers[index]} missing" for index in self._indicators)]
        categorical = compress(self._seen.names, self.categorical_)
        for index, (column, n_codes) in enumerate(zip(categorical, self._n_codes, strict=True)):
            categories = self._category_values(index, np.arange(n_codes))[_FIRST:]
            names += [f"{column} missing", *(f"{column}={category}" for category in categories)]
        return names

    def tokenizer(self, samples: Tensor, *, patch_size: int | str, width: int) -> TableTokens:
        no_patches(patch_size, "one column of the table")
        scaled, original = self._knots(samples[:, : self._seen.numbers.shape[1]])
        return TableTokens(samples, self._n_codes, _FIRST, scaled, original, width=width)

    def _knots(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return values of each numeric column, scaled and as they were, of shape (columns, k)."""
        if not numbers.numel():
            return torch.empty(0, _KNOTS), torch.empty(0, _KNOTS)
        filled = numbers.double().numpy()
        empty = np.isnan(filled).all(axis=0)
        filled = np.where(empty, 0.0, filled)
        scaled = np.nanquantile(filled, np.linspace(0, 1, _KNOTS), axis=0).astype(np.float32)
        original = self._unscaled(scaled)
        if self.scaling == "quantile":
            # They do no harm to the ranks, but they would to the errors on the original scale.
            self._warn_of_outliers()
            for one in self._outliers:
                shift, unit = self._units.shift[one.row], self._units.unit[one.row]
                edges = (np.array([one.low, one.high]) - shift) / unit
                original[:, one.row] = original[:, one.row].clip(*edges)
        # On the scale of the training rows, so that float32 is precise enough.
        center, spread = original.mean(axis=0), original.std(axis=0)
        original = (original - center) / np.where(spread > 0, spread, 1.0)
        return (
            torch.tensor(scaled.T).contiguous(),
            torch.tensor(original.T, dtype=torch.float32).contiguous(),
        )

    def _unscaled(self, numbers: np.ndarray) -> np.ndarray:
        """Undo the scaler, but not the units that it works in."""
        if self.scaler_ is None:
            return numbers.astype(np.float64)
        return self.scaler_.inverse_transform(numbers.astype(np.float64))

    def restore(self, samples: Tensor, X: Samples) -> Samples:
        """Return `X` with what differs from its prepared rows put back on its own scale.

        All other cells are as they were. The columns keep their dtype where it can hold what is
        put in.
        """
        table = self.check(X, estimator=type(self).__name__)
        before, now = self.prepare(table).numpy(), samples.numpy()
        changed = (before != now) & ~(np.isnan(before) & np.isnan(now))
        n_numbers = self._seen.numbers.shape[1]
        values: list[np.ndarray] = [np.empty(0)] * now.shape[1]
        if n_numbers:
            filled = np.where(np.isnan(now[:, :n_numbers]), 0.0, now[:, :n_numbers])
            unscaled = self._unscaled(filled)
            if self.scaler_ is not None:
                unscaled = unscaled * self._units.unit + self._units.shift
            numbers = np.where(self._constant, self._constants, unscaled)
            values[:n_numbers] = list(numbers.T)
            # A column without any value in fit stays as it is.
            changed[:, :n_numbers] &= ~np.isnan(numbers)
        for index, codes in enumerate(now[:, n_numbers:].T):
            values[n_numbers + index] = self._category_values(index, codes)
            changed[:, n_numbers + index] &= ~is_none(values[n_numbers + index])
        columns = {
            int(column): (changed[:, place], values[place])
            for place, column in enumerate(np.argsort(self.categorical_, kind="stable"))
            if changed[:, place].any()
        }
        return write_columns(X, columns)

    def _category_values(self, index: int, codes: np.ndarray) -> np.ndarray:
        """Return the category of each code, None where it stands for none."""
        n_codes = self._n_codes[index]
        names = np.full(n_codes, None, dtype=object)
        if n_codes > _FIRST:
            encoder = self.category_encoders_[index]
            places = np.arange(n_codes - _FIRST, dtype=np.float64)[:, None]
            names[_FIRST:] = encoder.inverse_transform(places)[:, 0]
            rare = encoder.infrequent_categories_[0]
            if rare is not None:
                # They share the last code, which has no name of its own.
                names[-1] = rare[0]
        return names[codes.astype(np.int64)]

    def cells(self, mask: ArrayLike, samples: Tensor) -> Tensor:
        cells = check_mask(mask, tuple(samples.shape))
        order = np.argsort(self.categorical_, kind="stable")
        return as_tensor(cells[:, order])

    def missing(self, samples: Tensor) -> Tensor:
        n_numbers = self._seen.numbers.shape[1]
        numbers, codes = samples[:, :n_numbers], samples[:, n_numbers:]
        return torch.cat([numbers.isnan(), (codes == _MISSING) | (codes == _NEW_GAP)], dim=1)

    def never_seen(self) -> dict[int, Hashable]:
        names = [*self._number_names(), *compress(self._seen.names, self.categorical_)]
        empty = [*self._empty, *(n_codes == _FIRST for n_codes in self._n_codes)]
        return {place: names[place] for place in np.flatnonzero(empty).tolist()}

    def encoder_names(self) -> list[str]:
        return ["mlp"]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        return TableEncoder(self.stem())

    def default_views(self) -> Views:
        return TabularViews()


def _as_json(category: Any) -> str | bool | float:
    """Return a category as JSON can say it, which has no types of NumPy, and no Decimal."""
    plain_one = category.item() if isinstance(category, np.generic) else category
    return plain_one if isinstance(plain_one, (str, bool, int)) else float(plain_one)


def _refuse_one_line(X: Any) -> None:
    """Raise an error if `X` is a Series, or a row of strings and numbers, as X.iloc[0] is."""
    is_line = len(getattr(X, "shape", ())) == 1 and len(X)
    if is_line and (hasattr(X, "to_frame") or (X.dtype.kind == "O" and str in set(map(type, X)))):
        raise ValueError(
            f"X is a single row or column of {len(X)} values; pass a table, which is X.iloc[[0]] "
            "for a row and X[['name']] for a column of a DataFrame, X[[0]] and X[:, [0]] of an "
            "array."
        )


def _as_array(X: Samples) -> Samples:
    """Return a list of rows as an array that keeps strings and numbers apart, if it can be one."""
    try:
        array = np.asarray(X)
    except ValueError:  # rows of unequal length, whose error is scikit-learn's
        return X
    mixed = array.ndim == 2 and array.dtype.kind == "U"
    return np.asarray(X, dtype=object) if mixed else array
