"""Transforms, baselines, and what is shown of pictures, texts and rows."""

import functools

import numpy as np
import pytest
import torch
from captum.attr import TokenReferenceBase
from nets import images, rows
from torch import nn

from attriscope import wire
from attriscope.features import BaseFeature, EmptyFeature, GeneralFeature, ImageFeature, TextFeature


def normalise(x: torch.Tensor) -> torch.Tensor:
    return (x - 0.5) / 0.5


def baseline_func(x: torch.Tensor) -> torch.Tensor:
    return x * 0


def prepared(feature: BaseFeature, raw: torch.Tensor):
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
        features = (text, image, GeneralFeature("Row", []), EmptyFeature())
        assert [feature.visualization_type() for feature in features] == ["text", "image", "general", "empty"]
        assert all(isinstance(feature, BaseFeature) for feature in features)
        with pytest.raises(TypeError, match="abstract class BaseFeature"):
            BaseFeature("Any", None, None, None)  # type: ignore[abstract]

    def test_what_captum_insights_has_not(self) -> None:
        assert TextFeature("Question", None, None).visualization_transform is None
        row = GeneralFeature("Row", ["age"], baseline_func, [normalise], str, feature_mask=[0])
        assert (row.baseline_transforms, row.input_transforms) == ([baseline_func], [normalise])
        assert (row.visualization_transform, row.feature_mask) == (str, [0])

    def test_unknown_keyword(self) -> None:
        text = r"ImageFeature got an unknown keyword 'basline_transforms'; check the spelling: did you mean 'baseline_"
        with pytest.raises(TypeError, match=text):
            ImageFeature("Photo", basline_transforms=None, input_transforms=None)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match=r"GeneralFeature got an unknown keyword 'category'; .* 'categories'\?"):
            GeneralFeature("Row", category=["age"])  # type: ignore[call-arg]

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

    def test_integers_that_float32_tells_apart(self) -> None:
        feature = TextFeature("Review", None, None)
        ids = torch.tensor([5, 2**24])
        assert feature.fault(ids, ids) is None
        text = "Review: got the integer {}; expected -16777216 to 16777216, which float32 tells apart. Number them anew"
        for large, got in ((ids + 1, 16777217), (-ids - 1, -16777217)):
            assert str(feature.fault(large, large)).startswith(text.format(got))

    @pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int32])
    def test_truth_values_and_small_integers(self, dtype: torch.dtype) -> None:
        x = torch.tensor([0, 1, 1]).to(dtype)
        assert EmptyFeature("Flags").fault(x, x) is None

    def test_nothing_to_explain(self) -> None:
        ids = torch.tensor([], dtype=torch.long)
        text = "Review: the transformed input is empty, shape [0]; expected at least one value"
        assert TextFeature("Review", None, None).fault(ids, ids) == text

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


class TestText:
    IDS = torch.tensor([7, 3, 19, 0, 250002])
    WORDS = ("the", "plot", "is", "thin", ".")

    def shown(self, visualization_transform=None, raw: torch.Tensor = IDS):
        return prepared(TextFeature("Review", None, None, visualization_transform), raw).display

    @pytest.mark.parametrize(
        "made",
        [
            list(WORDS),
            WORDS,
            [list(WORDS)],
            (WORDS,),
            np.array(WORDS),
            np.array([WORDS]),
            [np.str_(word) for word in WORDS],
        ],
        ids=["list", "tuple", "nested list", "nested tuple", "array", "array with batch", "list of numpy's"],
    )
    def test_tokens(self, made) -> None:
        assert self.shown(lambda ids: made) == list(self.WORDS)

    def test_visualization_transform_gets_the_raw_ids_with_a_batch_of_one(self) -> None:
        seen = []

        def itos(ids: torch.Tensor) -> list[str]:  # as in Captum's tutorial on visual question answering
            seen.append(ids.clone())
            return [f"<{int(i)}>" for i in ids.squeeze(0)]

        feature = TextFeature("Review", None, lambda ids: ids % 20, itos)
        assert prepared(feature, self.IDS).display == ["<7>", "<3>", "<19>", "<0>", "<250002>"]
        assert [ids.tolist() for ids in seen] == [[self.IDS.tolist()]]

    def test_without_one_the_ids_are_shown(self) -> None:
        large = torch.tensor([7, 12345678, 2**40 + 1])
        for raw in (large, large.double()[:1], large.int()[:2]):
            assert self.shown(raw=raw) == [str(int(i)) for i in raw]
        assert self.shown(lambda ids: ids[0] + 1) == ["8", "4", "20", "1", "250003"]
        assert self.shown(lambda ids: ids / 4) == ["1.75", "0.75", "4.75", "0", "62500.5"]

    @pytest.mark.parametrize(
        "token",
        ["<script>alert(1)</script>", "&amp;", "👩\u200d🔬", "שלום\u202e", "##ing", " \n\t", "", "Ġthe", "x" * 300],
        ids=["html", "entity", "emoji", "right to left", "part", "white space", "empty", "byte", "long"],
    )
    def test_tokens_stay_as_they_are(self, token: str) -> None:
        assert self.shown(lambda ids: [token] * 5) == [token] * 5

    def test_half_a_surrogate_pair_can_travel(self) -> None:
        display = self.shown(lambda ids: [b"\xf0".decode(errors="surrogateescape")] * 5)
        assert wire.encode(wire.Scan(display, 0, 0, True)).count(b"?") == 5  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("made", "text"),
        [
            (["the", "plot"], "has 2 entries; expected 5, one string for each token"),
            ([WORDS, WORDS], "has 2 entries; expected 5, one string for each token"),
            ("the plot is thin.", "is a str; expected 5 entries, one string for each token"),
            (b"12345", "is a bytes; expected 5 entries"),
            (None, "is a NoneType; expected 5 entries"),
            (map(str, WORDS), "is a map; expected 5 entries"),
            (["the", None, "is", "thin", "."], "holds a NoneType; expected one string for each token"),
            ([[word] for word in WORDS], "holds a list; expected one string for each token"),
        ],
    )
    def test_what_are_no_tokens(self, made, text: str) -> None:
        with pytest.raises(ValueError, match=f"feature 'Review': what visualization_transform returns {text}"):
            self.shown(lambda ids: made)

    def test_a_visualization_transform_that_raises(self) -> None:
        text = r"feature 'Review': visualization_transform fails on shape \[1, 5\]: KeyError: 7"
        with pytest.raises(ValueError, match=text):
            self.shown(lambda ids: [{}[i] for i in ids[0].tolist()])

    def test_baselines_of_ids(self) -> None:
        padding = TokenReferenceBase(reference_token_idx=1)

        def pad(ids: torch.Tensor) -> torch.Tensor:
            return padding.generate_reference(len(ids), ids.device)

        feature = TextFeature("Review", [pad, lambda ids: pad(ids), torch.zeros_like], None)
        baselines = prepared(feature, self.IDS).baselines
        assert [baseline.tolist() for baseline in baselines] == [[1] * 5, [1] * 5, [0] * 5]
        assert feature.baseline_names(baselines) == ["pad", "constant", "zeros_like"]
        plain = prepared(TextFeature("Review", None, None), self.IDS).baselines
        assert [baseline.tolist() for baseline in plain] == [[0] * 5]
        text = r"feature 'Review': baseline_transforms\[0\] gives shape \[1\]; expected the transformed input's, \[5\]"
        with pytest.raises(ValueError, match=text):
            prepared(TextFeature("Review", lambda ids: padding.generate_reference(1, ids.device), None), self.IDS)

    def test_embeddings(self) -> None:
        embedding = nn.Embedding(20, 4)
        raw = self.IDS[:4]
        feature = TextFeature("Review", lambda x: embedding(x.new_ones(len(x), dtype=torch.long)), embedding)
        torch.testing.assert_close(feature.transform(raw), embedding.weight[raw])
        found = prepared(feature, raw)
        assert found.display == ["7", "3", "19", "0"]
        torch.testing.assert_close(found.baselines[0], embedding.weight[1].expand(4, 4))

    def test_raw_embeddings_have_no_names(self) -> None:
        raw = torch.rand(5, 4)
        assert self.shown(lambda x: self.WORDS, raw) == list(self.WORDS)
        text = r"feature 'Review': the input holds a list; expected one string for each token. Pass a visualization_tr"
        with pytest.raises(ValueError, match=text):
            self.shown(raw=raw)

    @pytest.mark.parametrize("made", [torch.rand(5, 4, 2), torch.tensor(1.0)], ids=["three", "none"])
    def test_other_ranks(self, made: torch.Tensor) -> None:
        feature = TextFeature("Review", None, lambda ids: made, lambda ids: self.WORDS)
        shape = str(list(made.shape)).replace("[", r"\[").replace("]", r"\]")
        text = rf"feature 'Review': the transformed input has shape {shape}; expected \[T\], the ids of T tokens, or"
        with pytest.raises(ValueError, match=text):
            prepared(feature, self.IDS)

    def test_a_token_count_that_the_transforms_change(self) -> None:
        feature = TextFeature("Review", None, lambda ids: torch.cat([ids.new_zeros(1), ids]), None)
        with pytest.raises(ValueError, match="feature 'Review': the input has 5 entries; expected 6, one string"):
            prepared(feature, self.IDS)

    def test_feature_masks(self) -> None:
        words = torch.tensor([0, 0, 1, 1, 2])
        for mask in (words, words.tolist(), words.numpy(), lambda x: words):
            found = prepared(TextFeature("Review", None, None, feature_mask=mask), self.IDS).feature_mask
            assert (found.dtype, found.tolist()) == (np.int32, words.tolist())
        embedding = nn.Embedding(20, 5)  # as many values as tokens: the mask numbers the tokens
        for mask in (words, words[:, None].expand(5, 5)):
            feature = TextFeature("Review", None, lambda ids: embedding(ids % 20), feature_mask=mask)
            found = prepared(feature, self.IDS).feature_mask
            np.testing.assert_array_equal(found, words[:, None].expand(5, 5))
        text = r"feature_mask has shape \[4\]; expected that of the transformed input, \[5, 5\], or \[5\]"
        with pytest.raises(ValueError, match=text):
            prepared(TextFeature("Review", None, lambda ids: embedding(ids % 20), feature_mask=words[:4]), self.IDS)
        with pytest.raises(
            ValueError, match=r"expected that of .*, \[5\]\. For texts of different lengths pass a callable\.$"
        ):
            prepared(TextFeature("Review", None, None, feature_mask=words[:4]), self.IDS)


class TestGeneral:
    COLUMNS = ("age", "fare", "<sex>")

    def feature(self, **more) -> GeneralFeature:
        return GeneralFeature("Passenger", self.COLUMNS, **more)

    @pytest.mark.parametrize(
        "categories",
        [COLUMNS, list(COLUMNS), np.array(COLUMNS), dict.fromkeys(COLUMNS), (name for name in COLUMNS)],
        ids=["tuple", "list", "array", "dict", "generator"],
    )
    def test_categories(self, categories) -> None:
        assert GeneralFeature("Passenger", categories).categories == list(self.COLUMNS)

    @pytest.mark.parametrize("categories", ["age", ["age", 3], None, 3, [["age"]]], ids=repr)
    def test_what_are_no_categories(self, categories) -> None:
        with pytest.raises(TypeError, match=r"feature 'Passenger': categories is .*; expected a list of str"):
            GeneralFeature("Passenger", categories)

    def test_raw_values_are_shown_and_standardised_ones_explained(self) -> None:
        table = rows(50)
        mean, deviation = table.mean(0), table.std(0)
        feature = self.feature(
            input_transforms=lambda row: (row - mean) / deviation,
            baseline_transforms=[torch.zeros_like, lambda row: row * 0 - mean / deviation],
        )
        raw = table[3]
        torch.testing.assert_close(feature.transform(raw), (raw - mean) / deviation)
        found = prepared(feature, raw)
        assert found.display == raw.tolist()
        # Captum Insights labels the bars so.
        labels = [f"{name}: {value:.2f}" for name, value in zip(self.COLUMNS, found.display, strict=True)]
        assert labels == [f"{name}: {raw[i].item():.2f}" for i, name in enumerate(self.COLUMNS)]
        torch.testing.assert_close(found.baselines[0], torch.zeros(3))
        torch.testing.assert_close(found.baselines[1] * deviation + mean, torch.zeros(3))

    @pytest.mark.parametrize(
        ("made", "expected"),
        [
            (["24", 8.5, "female"], ["24", 8.5, "female"]),
            (([1, 2.5, "x"],), [1, 2.5, "x"]),
            (torch.tensor([[1, 2, 3]]), [1, 2, 3]),
            (np.array([1.5, 2, 3]), [1.5, 2, 3]),
            ([torch.tensor(2), torch.tensor([2.5]), np.float32(0.5)], [2, 2.5, 0.5]),
            (torch.tensor([True, False, True]), [1, 0, 1]),
            (["", "👩\u200d🔬", "<b>"], ["", "👩\u200d🔬", "<b>"]),
        ],
    )
    def test_what_is_shown(self, made, expected: list) -> None:
        found = prepared(self.feature(visualization_transform=lambda row: made), rows(1)[0]).display
        assert found == expected
        assert not any(isinstance(item, bool) for item in found)  # the page takes strings and numbers

    def test_visualization_transform_gets_the_raw_row_with_a_batch_of_one(self) -> None:
        seen = []
        feature = self.feature(
            input_transforms=torch.neg, visualization_transform=lambda row: seen.append(row.clone()) or [1, 2, 3]
        )
        raw = rows(1)[0]
        prepared(feature, raw)
        torch.testing.assert_close(seen, [raw[None]])

    def test_a_value_in_several_columns(self) -> None:
        one_hot = self.feature(input_transforms=lambda code: nn.functional.one_hot(code[0], 3).float())
        with pytest.raises(ValueError, match="feature 'Passenger': the input has 1 entries; expected 3, one string or"):
            prepared(one_hot, torch.tensor([2]))
        one_hot.visualization_transform = lambda code: [str(i == code.item()) for i in range(3)]
        assert prepared(one_hot, torch.tensor([2])).display == ["False", "False", "True"]

    def test_values_that_are_no_numbers(self) -> None:
        raw = torch.tensor([1, float("nan"), 3])
        feature = self.feature(input_transforms=lambda row: torch.nan_to_num(row))
        assert feature.fault(raw, feature.transform(raw)) == (
            "Passenger: 1 of 3 values of the raw input are NaN or infinite"
        )
        np.testing.assert_array_equal(prepared(feature, raw).display, raw)

    @pytest.mark.parametrize(
        ("made", "text"),
        [
            (["24"], "has 1 entries; expected 3, one string or number for each category"),
            ("abc", "is a str; expected 3 entries, one string or number for each category"),
            ([1, None, 3], "holds a NoneType; expected one string or number for each category"),
        ],
    )
    def test_what_cannot_be_shown(self, made, text: str) -> None:
        with pytest.raises(ValueError, match=f"feature 'Passenger': what visualization_transform returns {text}"):
            prepared(self.feature(visualization_transform=lambda row: made), rows(1)[0])

    @pytest.mark.parametrize("shape", [[4], [3, 1], []], ids=str)
    def test_other_shapes(self, shape: list[int]) -> None:
        pattern = str(shape).replace("[", r"\[").replace("]", r"\]")
        text = (
            f"feature 'Passenger': the transformed input has shape {pattern}; "
            r"expected \[3\], one number for each of its categories"
        )
        with pytest.raises(ValueError, match=text):
            prepared(self.feature(input_transforms=lambda row: torch.ones(shape)), rows(1)[0])

    def test_feature_masks(self) -> None:
        found = prepared(self.feature(feature_mask=[0, 1, 1]), rows(1)[0]).feature_mask
        assert (found.dtype, found.tolist()) == (np.int32, [0, 1, 1])
        with pytest.raises(ValueError, match=r"feature_mask has shape \[2\]; expected that of .*, \[3\]$"):
            prepared(self.feature(feature_mask=[0, 1]), rows(1)[0])


class TestEmpty:
    def test_it_is_prepared_and_not_shown(self) -> None:
        raw = torch.rand(2, 3, 4, 5)
        feature = EmptyFeature("Hidden", [torch.ones_like], torch.neg, feature_mask=torch.zeros(2, 3, 4, 5))
        torch.testing.assert_close(feature.transform(raw), -raw)
        found = prepared(feature, raw)
        assert found.display is None
        torch.testing.assert_close(found.baselines, [torch.ones_like(raw)])
        assert found.feature_mask.shape == (2, 3, 4, 5)

    def test_nothing_is_asked_of_its_visualization_transform(self) -> None:
        assert prepared(EmptyFeature(visualization_transform=lambda x: x[99]), torch.rand(2)).display is None
