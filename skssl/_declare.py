"""Parameters declared on one line each: default, allowed values, signature and documentation.

Every class with parameters (methods, modalities, views) is a keyword-only dataclass. The
signature of ``__init__``, scikit-learn's ``_parameter_constraints`` and the documentation of
what is inherited follow from the declarations.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self, TypeGuard, TypeVar, cast, dataclass_transform

import numpy as np
from sklearn.base import BaseEstimator

from skssl._by_value import by_value
from skssl._quote import quoted
from skssl._sklearn_compat import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    RealNotInt,
    StrOptions,
    make_constraint,
    print_like_estimators,
    with_rows,
)

T = TypeVar("T")

# The pages that docs/api.rst makes.
API_PAGES = "https://skssl.readthedocs.io/en/stable/generated"

# Lines of a repr beyond the estimator itself.
_MOST_TOLD = 20


class Whole(Interval):
    """Whole numbers from a smallest to a largest one; True and False are none."""

    def __init__(self, low: int, high: int | None = None):
        super().__init__(Integral, low, high, closed="left" if high is None else "both")

    def is_satisfied_by(self, val: object) -> bool:
        return not isinstance(val, (bool, np.bool_)) and bool(super().is_satisfied_by(val))


AUTO = StrOptions({"auto"})
POSITIVE_INT = Whole(1)
NOT_NEGATIVE_INT = Whole(0)
AT_LEAST_TWO = Whole(2)
POSITIVE = Interval(Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="both")
# From 0 to below 1, from above 0 to 1, and without either end.
BELOW_ONE = Interval(Real, 0, 1, closed="left")
UP_TO_ONE = Interval(Real, 0, 1, closed="right")
WITHIN_ONE = Interval(Real, 0, 1, closed="neither")
# Of rows, where an int is their number: a part of them, or any share from none to all.
PART_OF_ROWS = Interval(RealNotInt, 0, 1, closed="neither")
SHARE_OF_ROWS = Interval(RealNotInt, 0, 1, closed="both")


def _is_sequence(value: object) -> TypeGuard[Sequence[float]]:
    return isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)


class Range(Options):
    """A pair ``(low, high)`` of numbers with ``low <= high``, both within an interval.

    A tuple, a list or an array, as distributions draw them in searches.
    """

    # scikit-learn takes constraints of its own classes only, hence the base class.
    def __init__(self, within: Interval):
        self.within = within
        self.hidden = False

    def is_satisfied_by(self, val: object) -> bool:
        return (
            _is_sequence(val)
            and len(val) == 2
            and all(self.within.is_satisfied_by(end) for end in val)
            and val[0] <= val[1]
        )

    def __str__(self) -> str:
        return f"a pair (low, high) with low <= high, each {self.within}"


class Shape(Options):
    """A sequence of positive integers, of one of the given lengths."""

    def __init__(self, *lengths: int):
        self.lengths = lengths
        self.hidden = False

    def is_satisfied_by(self, val: object) -> bool:
        return (
            _is_sequence(val)
            and len(val) in self.lengths
            and all(isinstance(size, (int, np.integer)) and size > 0 for size in val)
        )

    def __str__(self) -> str:
        return f"a tuple of {' or '.join(map(str, self.lengths))} positive integers"


class Duration(Options):
    """A time: a number of seconds, or a string of a number and its unit."""

    _form = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|min|h)\s*")
    _units: ClassVar[dict[str, int]] = {"s": 1, "min": 60, "h": 3600}

    def __init__(self) -> None:
        self.hidden = False

    @classmethod
    def seconds(cls, value: object) -> float | None:
        """Return a time in seconds; None if `value` is None or no time."""
        if isinstance(value, str):
            form = cls._form.fullmatch(value)
            return float(form[1]) * cls._units[form[2]] if form else None
        is_number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
        return float(cast(float, value)) if is_number else None

    def is_satisfied_by(self, val: object) -> bool:
        seconds = self.seconds(val)
        return seconds is not None and 0 < seconds < math.inf

    def __str__(self) -> str:
        return "a number of seconds above 0, a str such as '90s', '5min' or '1.5h'"


class Pace(Options):
    """How often: after a time, or after a number of steps."""

    _form = re.compile(r"\s*(\d+)\s*steps?\s*")

    def __init__(self, seconds: float = math.inf, steps: float = math.inf) -> None:
        self.hidden = False
        self.seconds = seconds
        self.steps = steps

    @classmethod
    def of(cls, value: object) -> Self:
        """Return what a parameter says."""
        form = cls._form.fullmatch(value) if isinstance(value, str) else None
        if form:
            return cls(steps=int(form[1]))
        seconds = Duration.seconds(value)
        return cls(seconds=math.inf if seconds is None else seconds)

    def is_over(self, *, seconds: float, steps: int) -> bool:
        """Whether it is time again after so many seconds and steps."""
        return seconds >= self.seconds or steps >= self.steps

    def is_satisfied_by(self, val: object) -> bool:
        pace = self.of(val)
        return 0 < min(pace.seconds, pace.steps) < math.inf

    def __str__(self) -> str:
        return f"{Duration()}, or a number of steps such as '100 steps'"


def param(*allowed: object, default: Any = dataclasses.MISSING, kw_only: bool = True) -> Any:
    """Declare a parameter: what scikit-learn's validation is to allow, and its default.

    Written in the body of a class: ``weight: float = param(POSITIVE, default=1.0)``. The class says
    as soon as it is defined if something is not a constraint.

    Parameters
    ----------
    *allowed : object
        What the parameter may be, at least one of: a class such as str or ``nn.Module``, None,
        ``StrOptions({"auto", "mean"})`` for one of several strings, an interval of numbers such as
        ``POSITIVE``, ``POSITIVE_INT``, ``NOT_NEGATIVE``, ``FRACTION`` or ``Interval(Real, 0, 1,
        closed="both")``, a ``Range`` of these, a ``Shape``, the function ``callable``, "boolean",
        "random_state", "array-like".
    default : object
        Its value where none is given; without one, it has to be given. A list or a dict is refused,
        as all objects would share it: take a tuple, or None.
    kw_only : bool, default=True
        Whether it cannot be given by position.

    Returns
    -------
    dataclasses.Field
        What stands in the body of the class; objects of the class have the value.
    """
    return dataclasses.field(default=default, kw_only=kw_only, metadata={"allowed": list(allowed)})


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(param,))
class Declared(BaseEstimator):
    """Base of the classes whose parameters are declared with :func:`param`.

    A subclass is a keyword-only dataclass of its own parameters and those of its bases, and its
    docstring describes the latter as well. One that forgets something is a TypeError as soon as it
    is defined.
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {}

    # Where the HTML view links to; methods are listed under `skssl` itself.
    _doc_link_module = "skssl"
    _doc_link_template = f"{API_PAGES}/{{estimator_module}}.{{estimator_name}}.html"

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        _declare(cls)

    def check_parameters(self) -> None:
        """Raise an error if a parameter has a value that is not allowed.

        It is the first thing that `fit` does. A class that checks more, such as what depends on
        several parameters, calls ``super().check_parameters()`` and raises a ValueError that names
        the parameter and its value.
        """
        for name, value in self.get_params(deep=False).items():
            if isinstance(value, type) and self._wants_object(name, value):
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must be an object, got the "
                    f"class {value.__name__}; write {name}={value.__name__}()."
                )
        super()._validate_params()

    def _validate_params(self) -> None:
        # scikit-learn calls it by this name.
        self.check_parameters()

    def _wants_object(self, name: str, cls: type) -> bool:
        """Whether a parameter takes objects of this class, and not the class itself."""
        for allowed in self._parameter_constraints.get(name, ()):
            if isinstance(allowed, type) and issubclass(cls, allowed) and issubclass(cls, Declared):
                return True
            if isinstance(allowed, HasMethods) and allowed.is_satisfied_by(cls):
                return True
        return False

    def tell_fitted(self) -> dict[str, str]:
        """Return what `fit` found that `repr` and the HTML view are to tell, by what it is of.

        Returns
        -------
        dict of str to str
            Such as what was found of each column of a table; empty if there is nothing to tell.
        """
        return {}

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        lines = [super().__repr__(N_CHAR_MAX)]
        told = list(self.tell_fitted().items())
        lines += [f"{what}: {found}" for what, found in told[:_MOST_TOLD]]
        if len(told) > _MOST_TOLD:
            lines.append(f"... and {len(told) - _MOST_TOLD} more")
        return "\n  ".join(lines)

    def _get_fitted_attr_html(self, doc_link: str = "") -> object:
        return with_rows(super()._get_fitted_attr_html(doc_link), self.tell_fitted())

    def __getstate__(self) -> dict[str, object]:
        state = super().__getstate__()
        return {
            name: by_value(value) if name in self._parameter_constraints else value
            for name, value in state.items()
        }


print_like_estimators(Declared)


def resolve_auto(value: T | Literal["auto"], auto: T) -> T:
    """Return the value of a parameter, or what "auto" means for it."""
    return auto if isinstance(value, str) and value == "auto" else cast(T, value)


def _declare(cls: type[Declared]) -> None:
    """Make `cls` a keyword-only dataclass whose fields are scikit-learn parameters."""
    if "__init__" in vars(cls):
        raise TypeError(
            f"{cls.__name__} has an __init__ of its own. Declare each parameter in the body of the "
            "class instead, as in `width: int = param(POSITIVE_INT, default=64)`, and check what "
            "depends on several of them in check_parameters."
        )
    typed = inspect.get_annotations(cls)
    for name, value in vars(cls).items():
        if isinstance(value, dataclasses.Field):
            if name not in typed:
                raise TypeError(
                    f"The parameter {name} of {cls.__name__} has no type: write `{name}: float = "
                    "param(...)`, or whatever it is."
                )
            _check_declaration(cls, name, value)
    dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]
    for field in fields:
        if not field.metadata.get("allowed"):
            kind = inspect.formatannotation(field.type)
            raise TypeError(
                f"{cls.__name__} does not say what its parameter {field.name} may be: write "
                f"`{field.name}: {kind} = param(allowed, default=...)`. What is no "
                f"parameter has the type ClassVar[{kind}]."
            )
    cls._parameter_constraints = {field.name: field.metadata["allowed"] for field in fields}
    if cls.__doc__:
        cls.__doc__ = _complete_docstring(cls, [field.name for field in fields])


def _check_declaration(cls: type[Declared], name: str, field: dataclasses.Field[Any]) -> None:
    """Raise a TypeError if a class declares a parameter that could not be used later."""
    owner = next((base for base in cls.__mro__[1:] if name in vars(base)), None)
    if owner is not None and name not in getattr(owner, "__dataclass_fields__", {}):
        raise TypeError(
            f"{cls.__name__} cannot have a parameter {name}: {owner.__name__}.{name} is there "
            "already, and would be gone. Take another name."
        )
    for allowed in field.metadata.get("allowed", ()):
        try:
            make_constraint(allowed)
        except ValueError as error:
            raise TypeError(
                f"The parameter {name} of {cls.__name__} cannot be declared as "
                f"param({quoted(allowed)}, ...). What it may be is a class such as str, None, an "
                "interval such as POSITIVE, or for one of several strings "
                'StrOptions({"auto", "mean"}).'
            ) from error
    if type(field.default).__hash__ is None:
        raise TypeError(
            f"The default of {name} of {cls.__name__} is {quoted(field.default)}, which all "
            "objects would share and could change. Take a tuple, or None."
        )


_ENTRY = re.compile(r"^(\w[\w, ]*?) : .*\n(?:(?:[ \t]+.*)?\n)*", re.MULTILINE)
# All that comes before the first section.
_SUMMARY = re.compile(r"^(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)


def _section(doc: str, title: str) -> re.Match[str] | None:
    """Find a section of a numpydoc docstring, with its heading."""
    pattern = rf"^{title}\n-+\n(.*?)(?=^\S[^\n]*\n-{{3,}}\n|\Z)"
    return re.search(pattern, doc + "\n", re.MULTILINE | re.DOTALL)


def _entries(doc: str, title: str) -> dict[str, str]:
    """Split a section of a numpydoc docstring into one text per name."""
    section = _section(doc, title)
    if section is None:
        return {}
    return {
        name.strip(): match.group(0).rstrip() + "\n"
        for match in _ENTRY.finditer(section.group(1))
        for name in match.group(1).split(",")
    }


def _complete_docstring(cls: type, parameters: list[str]) -> str:
    """Add to the docstring of `cls` the parameters and attributes that only its bases describe."""
    doc = inspect.cleandoc(cls.__doc__ or "") + "\n"
    bases = [base for base in reversed(cls.__mro__[1:]) if dataclasses.is_dataclass(base)]
    for title in ("Parameters", "Attributes"):
        own, inherited = _entries(doc, title), dict[str, str]()
        for base in bases:
            inherited |= _entries(inspect.cleandoc(base.__doc__ or ""), title)
        names = parameters if title == "Parameters" else list(inherited)
        # One entry may describe several names.
        entries = [inherited[name] for name in names if name not in own and name in inherited]
        missing = list(dict.fromkeys(entries))
        if not missing:
            continue
        # A class may have none of its own.
        heading = "" if own else f"\n{title}\n{'-' * len(title)}\n"
        before = _section(doc, title) or _section(doc, "Parameters") or _SUMMARY.match(doc)
        assert before is not None
        kept = before.group(0).rstrip() + "\n"
        doc = doc.replace(kept, kept + heading + "".join(missing), 1)
    return doc
