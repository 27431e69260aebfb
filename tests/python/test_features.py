"""Transforms, baselines and what is shown of an image."""

import functools

import numpy as np
import pytest
import torch
from nets import images
from torch import nn

from attriscope.features import BaseFeature, EmptyFeature, GeneralFeature, ImageFeature, TextFeature


def normalise(x: torch.Tensor) -> torch.Tensor:
    return (x - 0.5) / 0.5


def baseline_func(x: torch.Tensor) -> torch.Tensor:
    return x * 0


def prepared(feature: ImageFeature, raw: torch.Tensor):
    return feature.prepare(raw, feature.transform(raw))


def shown(raw: torch.Tensor, visualization_transform=None) -> np.ndarray:
    return prepared(ImageFeature("Photo", None, None, visualization_transform), raw).display


class TestSignatures:
    def test_as_in_captum_insights(self) -> None:
        image = ImageFeature(
            "Photo", baseline_transforms=[baseline_func], input_transforms=normalise, visualization_transform=None
        )
        assert (image.name, image.baseline_transforms, image.input_transforms) == (
            "Photo",
            [baseline_func],
            [normalise],
        )
        text = TextFeature("Question", baseline_transforms=None, input_transforms=[], visualization_transform=str)
        assert (text.baseline_transforms, text.input_transforms, text.visualization_transform) == ([], [], str)
        assert GeneralFeature(name="Row", categories=["age"]).categories == ["age"]
        assert EmptyFeature().name == "empty"
        kinds = [feature.visualization_type() for feature in (text, image, GeneralFeature("Row", []), EmptyFeature())]
        assert kinds == ["text", "image", "general", "empty"]
        assert isinstance(image, BaseFeature)

    def test_text_needs_its_fourth_argument(self) -> None:
        with pytest.raises(TypeError, match="visualization_transform"):
            TextFeature("Question", None, None)  # type: ignore[call-arg]

    def test_unknown_keyword(self) -> None:
        text = r"ImageFeature got an unknown keyword 'basline_transforms'; check the spelling: did you mean 'baseline_"
        with pytest.raises(TypeError, match=text):
            ImageFeature("Photo", basline_transforms=None, input_transforms=None)  # type: ignore[call-arg]

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ((1, None, None), "a feature's name is a str; got int"),
            (("Photo", [1], None), r"feature 'Photo': baseline_transforms\[0\] is a int; expected a callable"),
            (("Photo", None, ["x"]), r"feature 'Photo': input_transforms\[0\] is a str; expected a callable"),
            (
                ("Photo", None, None, 3),
                "feature 'Photo': visualization_transform is a int; expected a callable or None",
            ),
        ],
    )
    def test_what_is_no_transform(self, arguments: tuple, text: str) -> None:
        with pytest.raises(TypeError, match=text):
            ImageFeature(*arguments)


class TestTransforms:
    def test_in_order(self) -> None:
        feature = ImageFeature("Photo", None, [normalise, lambda x: x + 1])
        raw = images(1)[0]
        torch.testing.assert_close(feature.transform(raw), normalise(raw) + 1)

    def test_one_callable_that_is_a_sequence_too(self) -> None:
        raw = images(1)[0]
        feature = ImageFeature("Photo", None, nn.Sequential(nn.ReLU(), nn.Sigmoid()))
        torch.testing.assert_close(feature.transform(raw), torch.sigmoid(raw))

    def test_baselines_come_from_the_transformed_input(self) -> None:
        feature = ImageFeature("Photo", [baseline_func, lambda x: x + 1], normalise)
        raw = images(1)[0]
        zero, more = prepared(feature, raw).baselines
        torch.testing.assert_close(zero, torch.zeros_like(raw))
        torch.testing.assert_close(more, normalise(raw) + 1)

    def test_none_gives_zeros(self) -> None:
        (baseline,) = prepared(ImageFeature("Photo", None, normalise), images(1)[0]).baselines
        assert not baseline.any()

    def test_in_place_transforms_leave_the_data_alone(self) -> None:
        feature = ImageFeature("Photo", [lambda x: x.zero_()], [lambda x: x.mul_(2)], lambda x: x.add_(1))
        raw = images(1)[0]
        before = raw.clone()
        x = feature.transform(raw)
        feature.prepare(raw, x)
        torch.testing.assert_close(raw, before)
        torch.testing.assert_close(x, before * 2)

    def test_names_of_baselines(self) -> None:
        blur = nn.AvgPool2d(3, 1, 1)
        transforms = [
            baseline_func,
            lambda x: x * 0,
            lambda x: torch.full_like(x, 0.5),
            lambda x: x + 1,
            lambda x: torch.zeros_like(x),
            functools.partial(baseline_func),
            blur,
        ]
        feature = ImageFeature("Photo", transforms, None)
        names = feature.baseline_names(prepared(feature, images(1)[0]).baselines)
        expected = ["baseline_func", "zero", "constant", "baseline 4", "zero (5)", "baseline_func (6)", "AvgPool2d"]
        assert names == expected
        plain = ImageFeature("Photo", None, None)
        assert plain.baseline_names(prepared(plain, images(1)[0]).baselines) == ["zero"]

    def test_feature_masks(self) -> None:
        raw = images(1)[0]
        rows = torch.arange(raw.shape[1])[:, None].expand(raw.shape[1:])
        for mask in (rows, rows[None].numpy(), lambda x: rows.expand(x.shape), rows.double()):
            found = prepared(ImageFeature("Photo", None, None, feature_mask=mask), raw).feature_mask
            assert (found.dtype, found.shape) == (np.int32, tuple(raw.shape))
            assert (found == rows.numpy()).all()
        assert prepared(ImageFeature("Photo", None, None), raw).feature_mask is None

    @pytest.mark.parametrize(
        ("mask", "text"),
        [
            (torch.zeros(2, 2), r"feature_mask has shape \[2, 2\]; expected that of the transformed input"),
            (lambda x: x * 0 + 0.5, "feature_mask holds fractions"),
            (lambda x: x.long() * 0 - 1, "feature_mask holds -1; expected whole numbers from 0 on"),
            (lambda x: x.nonsense, "feature_mask fails on shape"),
        ],
    )
    def test_feature_masks_that_are_none(self, mask, text: str) -> None:
        with pytest.raises(ValueError, match=f"feature 'Photo': {text}"):
            prepared(ImageFeature("Photo", None, None, feature_mask=mask), images(1)[0])

    def test_a_transform_that_raises(self) -> None:
        feature = ImageFeature("Photo", None, [normalise, lambda x: x @ x.new_zeros(3, 3)])
        with pytest.raises(
            ValueError, match=r"feature 'Photo': input_transforms\[1\] fails on shape \[3, 8, 8\]: Runtime"
        ):
            feature.transform(images(1)[0])

    def test_a_transform_without_tensor(self) -> None:
        with pytest.raises(
            ValueError, match=r"input_transforms\[0\] returns list; expected a tensor without batch dim"
        ):
            ImageFeature("Photo", None, lambda x: x.tolist()).transform(images(1)[0])

    def test_a_baseline_of_another_shape(self) -> None:
        feature = ImageFeature("Photo", lambda x: x[None] * 0, None)
        text = r"baseline_transforms\[0\] gives shape \[1, 3, 8, 8\]; expected the transformed input's, \[3, 8, 8\]"
        with pytest.raises(ValueError, match=text):
            prepared(feature, images(1)[0])


class TestFaults:
    """NaN and infinite values: which feature, where."""

    def fault(self, raw: torch.Tensor, input_transforms=None) -> str | None:
        feature = ImageFeature("Photo", None, input_transforms)
        return feature.fault(raw, feature.transform(raw))

    def test_none(self) -> None:
        assert self.fault(images(1)[0], normalise) is None
        assert self.fault(torch.zeros(3, 8, 8, dtype=torch.uint8), lambda x: x / 255) is None

    def test_raw(self) -> None:
        raw = images(1)[0]
        raw[0, 0, :2] = float("nan")
        text = "Photo: 2 of 192 values of the raw input are NaN or infinite"
        assert self.fault(raw, normalise) == text
        # also where a transform hides them
        assert self.fault(raw, lambda x: torch.nan_to_num(x)) == text

    def test_after_a_transform(self) -> None:
        raw = images(1)[0]
        raw[1, 2, 3] = 0
        expected = "Photo: 1 of 192 values are NaN or infinite after input_transforms[1] (log)"
        assert self.fault(raw, [lambda x: x * 2, torch.log, normalise]) == expected

    def test_in_a_baseline(self) -> None:
        feature = ImageFeature("Photo", [baseline_func, lambda x: x / 0], None)
        text = "Photo: 192 of 192 values of the baseline 'constant' are NaN or infinite"
        assert prepared(feature, images(1)[0] + 1).error == text


class TestDisplay:
    def test_uint8_is_kept(self) -> None:
        raw = torch.arange(192, dtype=torch.uint8).reshape(3, 8, 8)
        display = shown(raw)
        assert display.dtype == np.uint8
        np.testing.assert_array_equal(display, raw)

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_floats_within_0_and_1_are_kept(self, channels: int) -> None:
        raw = images(1, channels)[0]
        display = shown(raw)
        assert display.dtype == np.float32
        np.testing.assert_array_equal(display, raw)

    def test_floats_up_to_255(self) -> None:
        raw = images(1)[0] * 200
        np.testing.assert_allclose(shown(raw), raw / 255)
        np.testing.assert_allclose(shown(raw.long()), raw.long() / 255, rtol=1e-6)

    @pytest.mark.parametrize("change", [normalise, lambda x: x * 16, lambda x: x * 1000, lambda x: x * 4 - 1.5])
    def test_all_else_is_scaled(self, change) -> None:
        raw = images(1)[0]
        raw[0, 0, 0], raw[0, 0, 1] = 0, 1
        np.testing.assert_allclose(shown(change(raw)), raw, atol=1e-6)

    def test_constants_and_nan(self) -> None:
        assert not shown(torch.full((3, 8, 8), -7.0)).any()
        assert (shown(torch.full((3, 8, 8), 300.0)) == 1).all()
        raw = images(1)[0]
        raw[0, 0, 0] = float("nan")
        raw[0, 0, 1] = float("inf")
        assert np.isfinite(shown(raw)).all()
        assert np.isfinite(shown(torch.full((3, 8, 8), float("nan")))).all()

    def test_visualization_transform_gets_a_batch_of_one(self) -> None:
        seen = []

        def grey(x: torch.Tensor) -> torch.Tensor:
            seen.append(list(x.shape))
            return x.mean(1, keepdim=True)

        raw = images(1, 12)[0]
        np.testing.assert_allclose(shown(raw, grey), raw.mean(0, keepdim=True))
        assert seen == [[1, 12, 8, 8]]

    @pytest.mark.parametrize("channels", [2, 5])
    def test_other_channels(self, channels: int) -> None:
        text = rf"feature 'Photo': the input has shape \[{channels}, 8, 8\]; an image is \[C, H, W\] with 1, 3 or 4"
        with pytest.raises(ValueError, match=text):
            shown(images(1, channels)[0])

    def test_other_ranks(self) -> None:
        with pytest.raises(ValueError, match=r"what visualization_transform returns has shape \[8, 8\]; an image is"):
            shown(images(1)[0], lambda x: x[0, 0])
        with pytest.raises(ValueError, match=r"visualization_transform fails on shape \[1, 3, 8, 8\]: IndexError"):
            shown(images(1)[0], lambda x: x[7])
