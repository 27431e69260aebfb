"""Writes captum.json: what captum.attr.visualization draws of one image and one map, pixel by pixel."""

import json
from pathlib import Path

import captum
import matplotlib
import numpy as np
from captum.attr import visualization

matplotlib.use("Agg")

SIGNS = {"signed": "all", "positive": "positive", "negative": "negative", "absolute": "absolute_value"}
METHODS = ["heat_map", "original_image", "masked_image", "alpha_scaling"]
SIZE = (6, 7)
CLIP = 2


def drawn(method: str, sign: str, attribution: np.ndarray, image: np.ndarray) -> list[int] | str:
    """RGB bytes; what is transparent lies on white, as in a figure."""
    try:
        _, axis = visualization.visualize_image_attr(
            attribution, image, method=method, sign=sign, outlier_perc=CLIP, use_pyplot=False
        )
    except AssertionError as error:
        return str(error)
    (picture,) = axis.get_images()
    rgba = picture.to_rgba(picture.get_array(), bytes=True).astype(float)
    cover = rgba[..., 3:] / 255
    return np.rint(rgba[..., :3] * cover + 255 * (1 - cover)).astype(int).flatten().tolist()


def main() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, size=(*SIZE, 3), dtype=np.uint8)
    attribution = rng.normal(size=(*SIZE, 3)).astype(np.float32)
    cases = [
        {"method": method, "sign": sign, "pixels": drawn(method, captum_sign, attribution, image)}
        for method in METHODS
        for sign, captum_sign in SIGNS.items()
    ]
    target = Path(__file__).with_name("captum.json")
    fixture = {
        "versions": {"captum": captum.__version__, "matplotlib": matplotlib.__version__},
        "clip": CLIP,
        "shape": [3, *SIZE],
        "image": image.transpose(2, 0, 1).flatten().tolist(),
        "attribution": attribution.transpose(2, 0, 1).flatten().tolist(),
        "cases": cases,
    }
    target.write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
