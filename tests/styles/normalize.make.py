"""Writes normalize.json: maps and what captum.attr._utils.visualization._normalize_attr makes of them."""

import json
from pathlib import Path

import captum
import numpy as np
from captum.attr._utils.visualization import _normalize_attr

SIGNS = {"signed": "all", "positive": "positive", "negative": "negative", "absolute": "absolute_value"}


def chw_maps() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20)
    spike = rng.normal(size=(1, 7, 5)) * 1e-3
    spike[0, 3, 2] = 50
    return {
        "normal": rng.normal(size=(3, 12, 10)),
        "heavy tail": rng.standard_cauchy(size=(3, 9, 9)),
        "positive": rng.exponential(size=(1, 8, 8)),
        "sparse": rng.normal(size=(3, 8, 8)) * (rng.random(size=(3, 8, 8)) > 0.9),
        "spike": spike,
        "tiny": rng.normal(size=(1, 6, 6)) * 1e-30,
        "one value": np.full((1, 1, 1), -2.5),
        "equal": np.full((1, 4, 4), 0.25),
    }


def main() -> None:
    cases = []
    for name, array in chw_maps().items():
        chw = array.astype(np.float32)
        summed = np.sum(chw.transpose(1, 2, 0), axis=2)
        for sign, captum_sign in SIGNS.items():
            for clip in (0, 2, 10, 50):
                try:
                    expected = _normalize_attr(summed, captum_sign, clip).flatten().tolist()
                except AssertionError as error:
                    expected = str(error)
                cases.append({"map": name, "sign": sign, "clip": clip, "expected": expected})
    maps = {
        name: {"shape": list(array.shape), "values": array.astype(np.float32).flatten().tolist()}
        for name, array in chw_maps().items()
    }
    versions = {"captum": captum.__version__, "numpy": np.__version__}
    target = Path(__file__).with_name("normalize.json")
    target.write_text(json.dumps({"versions": versions, "maps": maps, "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
