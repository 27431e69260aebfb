"""How a model input is transformed, what it is compared with, and how it is shown. Signatures as in Captum Insights."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from attriscope.spelling import checks_spelling
from attriscope.wire import Array, Display, Kind

Transform = Callable[[Any], Any]
Transforms = Transform | Sequence[Transform] | None

_CHANNELS = (1, 3, 4)

#: Whole numbers up to this are exact in float32, in which inputs travel.
_EXACT = 2**24


@dataclass
class Prepared:
    """One sample's feature: what is shown, and what the input is compared with."""

    display: Display
    baselines: list[torch.Tensor]
    #: int32 in the input's shape.
    feature_mask: Array | None
    #: Which baseline cannot be used, and why.
    error: str | None


class BaseFeature(ABC):
    """One input of the model; the classes derived from it say what it is.

    Parameters
    ----------
    name : str
        Shown in the explorer and in errors.
    baseline_transforms : None, callable or list of callables
        Each maps the *transformed* input, without the batch dimension, to a baseline of the same shape. All of them are
        offered in the explorer. None: zeros.
    input_transforms : None, callable or list of callables
        Applied in order to an input without the batch dimension; the result is what the model sees.
    visualization_transform : None or callable
        Maps the raw input, with a batch dimension of 1, to what is shown.
    feature_mask : None, array, tensor or callable
        For the perturbation methods, as in Captum: whole numbers from 0 on; values with the same number are replaced
        together, in several features too. A callable gets the transformed input.
    """

    #: What the explorer calls its names, if it has any.
    categories: Sequence[str] = ()
    #: Dimensions of a raw input without the batch; None: any.
    dims: tuple[int, ...] | None = None
    #: The same in words, with the batch.
    layout = "a tensor, the batch first"

    @checks_spelling
    def __init__(
        self,
        name: str,
        baseline_transforms: Transforms,
        input_transforms: Transforms,
        visualization_transform: Transform | None = None,
        feature_mask: Any = None,
    ):
        if not isinstance(name, str):
            raise TypeError(f"a feature's name is a str; got {type(name).__name__}")
        self.name = name
        self.baseline_transforms = self._callables(baseline_transforms, "baseline_transforms")
        self.input_transforms = self._callables(input_transforms, "input_transforms")
        if visualization_transform is not None and not callable(visualization_transform):
            got = type(visualization_transform).__name__
            raise TypeError(f"feature '{name}': visualization_transform is a {got}; expected a callable or None")
        self.visualization_transform = visualization_transform
        self.feature_mask = feature_mask

    @staticmethod
    @abstractmethod
    def visualization_type() -> Kind: ...

    def _callables(self, transforms: Transforms, argument: str) -> list[Transform]:
        if transforms is None:
            return []
        # A torch.nn.Sequential is both: callable, and a sequence of its parts.
        found: list[Any] = [transforms] if callable(transforms) else list(transforms)
        for i, transform in enumerate(found):
            if not callable(transform):
                got = type(transform).__name__
                raise TypeError(f"feature '{self.name}': {argument}[{i}] is a {got}; expected a callable")
        return found

    def transform(self, raw: torch.Tensor) -> torch.Tensor:
        """Raw input, without batch dimension -> what the model sees."""
        # A copy: transforms may work in place, and the dataset is the user's.
        x = raw.clone()
        for i, transform in enumerate(self.input_transforms):
            x = self._apply(transform, x, f"input_transforms[{i}]")
        return x

    def fault(self, raw: torch.Tensor, x: torch.Tensor) -> str | None:
        """Why ``x``, the transformed input, cannot be explained: too large integers, or where NaN comes from."""
        if not x.numel():
            return f"{self.name}: the transformed input is empty, shape {list(x.shape)}; expected at least one value"
        if not x.is_floating_point() and (large := x.long()[x.long().abs() > _EXACT]).numel():
            return (
                f"{self.name}: got the integer {int(large[0])}; expected {-_EXACT} to {_EXACT}, which float32 tells "
                "apart. Number them anew, or pass floats."
            )
        if bad := _bad(raw):
            return f"{self.name}: {bad} of {raw.numel()} values of the raw input are NaN or infinite"
        if not _bad(x):
            return None
        step = raw.clone()
        for i, transform in enumerate(self.input_transforms):
            step = self._apply(transform, step, f"input_transforms[{i}]")
            if bad := _bad(step):
                place = f"input_transforms[{i}]{_called(transform)}"
                return f"{self.name}: {bad} of {step.numel()} values are NaN or infinite after {place}"
        return f"{self.name}: {_bad(x)} of {x.numel()} values of the transformed input are NaN or infinite"

    def prepare(self, raw: torch.Tensor, x: torch.Tensor) -> Prepared:
        """Raw input and transformed input, both without batch dimension -> everything else that the page needs."""
        baselines = []
        transforms: list[Transform] = self.baseline_transforms or [torch.zeros_like]
        for i, transform in enumerate(transforms):
            baseline = self._apply(transform, x.clone(), f"baseline_transforms[{i}]")
            if baseline.shape != x.shape:
                raise ValueError(
                    f"feature '{self.name}': baseline_transforms[{i}] gives shape {list(baseline.shape)}; "
                    f"expected the transformed input's, {list(x.shape)}"
                )
            baselines.append(baseline)
        return Prepared(self._display(raw, x), baselines, self._mask(x), self._baseline_fault(baselines))

    def baseline_names(self, baselines: Sequence[torch.Tensor]) -> list[str]:
        """What the explorer calls the baseline choices, given those of one sample."""
        names: list[str] = []
        for i, baseline in enumerate(baselines):
            transform = self.baseline_transforms[i] if self.baseline_transforms else None
            name = _name(transform) or _describe(baseline) or f"baseline {i + 1}"
            while name in names:
                name = f"{name} ({i + 1})"
            names.append(name)
        return names

    def _apply(self, transform: Transform, x: torch.Tensor, place: str) -> torch.Tensor:
        try:
            result = transform(x)
        except Exception as error:
            raise ValueError(
                f"feature '{self.name}': {place} fails on shape {list(x.shape)}: {type(error).__name__}: {error}"
            ) from error
        if isinstance(result, np.ndarray):
            result = torch.from_numpy(result)
        if not isinstance(result, torch.Tensor):
            got = type(result).__name__
            raise ValueError(f"feature '{self.name}': {place} returns {got}; expected a tensor without batch dimension")
        return result

    def _baseline_fault(self, baselines: Sequence[torch.Tensor]) -> str | None:
        for name, baseline in zip(self.baseline_names(baselines), baselines, strict=True):
            if bad := _bad(baseline):
                return f"{self.name}: {bad} of {baseline.numel()} values of the baseline '{name}' are NaN or infinite"
        return None

    def _mask(self, x: torch.Tensor) -> Array | None:
        mask = self.feature_mask
        if mask is None:
            return None
        if callable(mask):
            mask = self._apply(mask, x.clone(), "feature_mask")
        numbers = mask.detach().cpu().numpy() if isinstance(mask, torch.Tensor) else np.asarray(mask)
        place = f"feature '{self.name}': feature_mask"
        shapes = self._mask_shapes(tuple(x.shape))
        if numbers.shape not in shapes:
            shorter = "".join(f", or {list(shape)}" for shape in shapes[-1:] if shape != shapes[0])
            raise ValueError(
                f"{place} has shape {list(numbers.shape)}; expected that of the transformed input, {list(x.shape)}"
                f"{shorter}{self._mask_advice}"
            )
        if not np.issubdtype(numbers.dtype, np.integer) and not np.array_equal(numbers, np.floor(numbers)):
            raise ValueError(f"{place} holds fractions (dtype {numbers.dtype}); expected whole numbers from 0 on")
        if numbers.size and numbers.min() < 0:
            raise ValueError(f"{place} holds {numbers.min()}; expected whole numbers from 0 on")
        return np.ascontiguousarray(np.broadcast_to(self._spread(numbers, x), tuple(x.shape)).astype(np.int32))

    #: What to do about a feature mask that does not fit.
    _mask_advice = ""

    def _mask_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Those that a feature mask may have, the input's own first."""
        return [shape]

    def _spread(self, mask: Array, x: torch.Tensor) -> Array:
        """A mask that can be broadcast to the input."""
        return mask

    @abstractmethod
    def _display(self, raw: torch.Tensor, x: torch.Tensor) -> Display: ...

    def _shown(self, raw: torch.Tensor) -> tuple[Any, str]:
        """What visualization_transform makes of the raw input, or that itself; and how an error calls it."""
        if self.visualization_transform is None:
            return raw, "the input"
        try:
            shown = self.visualization_transform(raw.clone()[None])
        except Exception as error:
            raise ValueError(
                f"feature '{self.name}': visualization_transform fails on shape {[1, *raw.shape]}: "
                f"{type(error).__name__}: {error}"
            ) from error
        return shown, "what visualization_transform returns"


class ImageFeature(BaseFeature):
    """An image input, [C, H, W] with 1, 3 or 4 channels.

    What is shown is the raw input, or what ``visualization_transform`` makes of it (it gets [1, C, H, W]). uint8 is
    taken as it is, and so are floats within 0..1. Floats from 0 up to a maximum in 32..255 are divided by 255. All
    others, e.g. a normalised image with negative values, are scaled from their own minimum and maximum to 0..1.

    Parameters
    ----------
    feature_mask : None, array, tensor or callable
        Whole numbers [C, H, W], [1, H, W] or [H, W].
    """

    dims = (3,)
    layout = "a tensor [N, C, H, W]"

    @staticmethod
    def visualization_type() -> Kind:
        return "image"

    def _mask_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [shape, (1, *shape[1:]), shape[1:]]

    def _display(self, raw: torch.Tensor, x: torch.Tensor) -> Array:
        shown, what = self._shown(raw)
        image = shown.detach().cpu().numpy() if isinstance(shown, torch.Tensor) else np.asarray(shown)
        if image.ndim == 4 and image.shape[0] == 1:
            image = image[0]
        if image.ndim != 3 or image.shape[0] not in _CHANNELS or 0 in image.shape:
            raise ValueError(
                f"feature '{self.name}': {what} has shape {list(image.shape)}; an image is [C, H, W] with 1, 3 or 4 "
                "channels. Pass a visualization_transform that makes one."
            )
        return _to_picture(image)


class TextFeature(BaseFeature):
    """A text: T token ids [T], or their embeddings [T, D], as they come or as ``input_transforms`` look them up.

    Ids that the model looks up have one attribution per token; those of embeddings are [T, D], and their sum over D is
    shown. What is shown of the text is what ``visualization_transform`` makes of the raw input, [1, T] or [1, T, D]:
    one string for each token. Without it the ids themselves are shown.

    Samples may differ in T: from batch to batch, and within one where ``input_transforms`` take padding off.

    Parameters
    ----------
    feature_mask : None, array, tensor or callable
        Whole numbers [T], or in the input's shape: tokens of one word, for example, are replaced together. Texts of
        different lengths need a callable.
    """

    dims = (1, 2)
    layout = "token ids [N, T], or embeddings [N, T, D]"

    @staticmethod
    def visualization_type() -> Kind:
        return "text"

    _mask_advice = ". For texts of different lengths pass a callable."

    def _mask_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        return [shape, shape[:1]]

    def _spread(self, mask: Array, x: torch.Tensor) -> Array:
        return mask.reshape(*mask.shape, *[1] * (x.dim() - mask.ndim))

    def _display(self, raw: torch.Tensor, x: torch.Tensor) -> list[str | float]:
        if x.dim() not in (1, 2):
            raise ValueError(
                f"feature '{self.name}': the transformed input has shape {list(x.shape)}; expected [T], the ids of T "
                "tokens, or [T, D], their embeddings"
            )
        items = _items(*self._shown(raw), self.name, x.shape[0], "one string for each token")
        return [f"{item:g}" if isinstance(item, float) else str(item) for item in items]


class GeneralFeature(BaseFeature):
    """A row of numbers [C], one attribution per category.

    Beyond Captum Insights it takes transforms: what is shown is the raw row, or what ``visualization_transform`` makes
    of [1, C]: one string or number for each category.

    Parameters
    ----------
    categories : list of str
        What the numbers are called, in their order.
    """

    dims = (1,)

    @checks_spelling
    def __init__(
        self,
        name: str,
        categories: Sequence[str],
        baseline_transforms: Transforms = None,
        input_transforms: Transforms = None,
        visualization_transform: Transform | None = None,
        feature_mask: Any = None,
    ):
        super().__init__(name, baseline_transforms, input_transforms, visualization_transform, feature_mask)
        is_listed = isinstance(categories, Iterable) and not isinstance(categories, str)
        self.categories = list(categories) if is_listed else []
        if not is_listed or not all(isinstance(category, str) for category in self.categories):
            raise TypeError(f"feature '{name}': categories is {categories!r}; expected a list of str")
        self.layout = f"numbers [N, {len(self.categories)}], one for each category"

    @staticmethod
    def visualization_type() -> Kind:
        return "general"

    def _display(self, raw: torch.Tensor, x: torch.Tensor) -> list[str | float]:
        count = len(self.categories)
        if x.shape != (count,):
            raise ValueError(
                f"feature '{self.name}': the transformed input has shape {list(x.shape)}; expected [{count}], one "
                "number for each of its categories"
            )
        return _items(*self._shown(raw), self.name, count, "one string or number for each category")


class EmptyFeature(BaseFeature):
    """An input that is attributed but not shown."""

    @checks_spelling
    def __init__(
        self,
        name: str = "empty",
        baseline_transforms: Transforms = None,
        input_transforms: Transforms = None,
        visualization_transform: Transform | None = None,
        feature_mask: Any = None,
    ):
        super().__init__(name, baseline_transforms, input_transforms, visualization_transform, feature_mask)

    @staticmethod
    def visualization_type() -> Kind:
        return "empty"

    def _display(self, raw: torch.Tensor, x: torch.Tensor) -> None:
        return None


def _items(shown: Any, what: str, name: str, count: int, expected: str) -> list[str | float]:
    """What is shown as ``count`` strings and numbers; a batch dimension of 1 is taken off."""
    if isinstance(shown, (torch.Tensor, np.ndarray)):
        shown = shown.tolist()
    if isinstance(shown, (list, tuple)) and len(shown) == 1 and isinstance(shown[0], (list, tuple)):
        shown = shown[0]
    place = f"feature '{name}': {what}"
    if isinstance(shown, (str, bytes)) or not isinstance(shown, Sequence):
        raise ValueError(f"{place} is a {type(shown).__name__}; expected {count} entries, {expected}")
    if len(shown) != count:
        raise ValueError(f"{place} has {len(shown)} entries; expected {count}, {expected}")
    return [_item(item, place, expected) for item in shown]


def _item(item: Any, place: str, expected: str) -> str | float:
    if isinstance(item, (torch.Tensor, np.generic, np.ndarray)) and np.prod(item.shape) == 1:
        item = item.item()
    if isinstance(item, bool):
        return int(item)
    if isinstance(item, (str, int, float)):
        return item
    raise ValueError(
        f"{place} holds a {type(item).__name__}; expected {expected}. Pass a visualization_transform that makes them."
    )


def _bad(x: torch.Tensor) -> int:
    return int((~torch.isfinite(x)).sum()) if x.is_floating_point() else 0


def _name(transform: Transform | None) -> str | None:
    if isinstance(transform, functools.partial):
        transform = transform.func
    if transform is None:
        return None
    name = getattr(transform, "__name__", type(transform).__name__)
    return None if name == "<lambda>" else name


def _called(transform: Transform) -> str:
    name = _name(transform)
    return f" ({name})" if name else ""


def _describe(baseline: torch.Tensor) -> str | None:
    if not baseline.numel() or not bool((baseline == baseline.flatten()[0]).all()):
        return None
    return "zero" if baseline.flatten()[0] == 0 else "constant"


def _to_picture(image: Array) -> Array:
    if image.dtype == np.uint8:
        return image.copy()
    values = image.astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    if low >= 0 and high <= 1:
        return values
    if low >= 0 and 32 <= high <= 255:
        return values / np.float32(255)
    return (values - np.float32(low)) / np.float32(high - low) if high > low else np.clip(values, 0, 1)
