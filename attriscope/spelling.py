"""Unknown keywords are answered with the name that was probably meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def meant(unknown: str, names: Collection[str], otherwise: str = "expected one of") -> str:
    """The end of a sentence about an unknown name: the one that was probably meant, else all that there are."""
    close = difflib.get_close_matches(unknown, names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"{otherwise} {', '.join(names) or 'none'}."


def checks_spelling(function: Callable[P, R]) -> Callable[P, R]:
    names = list(inspect.signature(function).parameters)
    is_constructor = function.__name__ == "__init__"

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for unknown in kwargs.keys() - set(names):
            hint = meant(unknown, [name for name in names if name != "self"], "it takes")
            # A class may have inherited its constructor.
            owner = type(args[0]).__name__ if is_constructor else function.__qualname__
            raise TypeError(f"{owner} got an unknown keyword '{unknown}'; check the spelling: {hint}")
        return function(*args, **kwargs)

    return checked
