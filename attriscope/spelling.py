"""Unknown keywords are answered with the name that was probably meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def checks_spelling(function: Callable[P, R]) -> Callable[P, R]:
    names = list(inspect.signature(function).parameters)
    owner = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for unknown in kwargs.keys() - set(names):
            close = difflib.get_close_matches(unknown, names, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"it takes {', '.join(n for n in names if n != 'self')}."
            raise TypeError(f"{owner} got an unknown keyword '{unknown}'; check the spelling: {hint}")
        return function(*args, **kwargs)

    return checked
