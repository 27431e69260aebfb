"""The example notebooks are clean, and the CIFAR-10 one finds its files, or says what to put where."""

from __future__ import annotations

import importlib
import io
import os
import pickle
import sys
import urllib.error
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    sys.modules.pop("cifar10_data", None)
    return importlib.import_module("cifar10_data")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebook_has_no_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def batch(images: np.ndarray) -> bytes:
    content = {b"data": images.reshape(len(images), -1), b"labels": list(range(len(images)))}
    return pickle.dumps(content, protocol=2)


def test_reads_the_official_format(data: ModuleType, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), np.uint8)
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / data.BATCH).write_bytes(batch(images))
    dataset = data.Cifar10(tmp_path)
    image, label = dataset[2]
    assert (len(dataset), label) == (3, 2)
    np.testing.assert_allclose(image.numpy(), images[2] / 255, rtol=1e-6)


def test_reads_an_npz(data: ModuleType, tmp_path: Path) -> None:
    images = np.zeros((2, 3, 32, 32), np.uint8)
    np.savez(tmp_path / "some.npz", images=images, labels=np.array([4, 5]))
    assert data.Cifar10(tmp_path)[1][1] == 5


def test_a_pickle_cannot_run_code(data: ModuleType) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("true",)

    with pytest.raises(pickle.UnpicklingError, match=r"arrays and lists only, got \w+\.system"):
        data.NumpyUnpickler(io.BytesIO(pickle.dumps(Evil()))).load()


def test_wrong_shapes_are_named(data: ModuleType, tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", images=np.zeros((2, 28, 28), np.uint8), labels=np.array([4, 5]))
    with pytest.raises(ValueError, match=r"some\.npz: images are uint8 \[2, 28, 28\].*expected uint8 \[N, 3, 32, 32\]"):
        data.Cifar10(tmp_path)


def test_missing_images_say_what_to_put_where(
    data: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(data.urllib.request, "urlretrieve", offline)
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded.*no network") as caught:
        data.Cifar10(tmp_path)
    for hint in [data.ARCHIVE, data.BATCH, ".npz", "ATTRISCOPE_CIFAR10", str(tmp_path)]:
        assert hint in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_missing_weights_say_what_to_put_where(
    data: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data.sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(FileNotFoundError, match="could not be fetched") as caught:
        data.weights(tmp_path)
    for hint in [data.WEIGHTS, data.WEIGHTS_IN_WHEEL, "pip download captum==0.8.0", str(tmp_path)]:
        assert hint in str(caught.value)
