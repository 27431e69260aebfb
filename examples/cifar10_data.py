"""CIFAR-10's test images and the weights of the tutorial's network: from a folder, or fetched into it."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

FOLDER = Path(os.environ.get("ATTRISCOPE_CIFAR10", "data"))
ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE = "cifar-10-python.tar.gz"
BATCH = "cifar-10-batches-py/test_batch"
WEIGHTS = "cifar_torchvision.pt"
WEIGHTS_IN_WHEEL = f"captum/insights/attr_vis/models/{WEIGHTS}"


class Cifar10(Dataset):
    """(image, label): float32 [3, 32, 32] in 0..1, and the class index."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.images, self.labels = test_images(folder)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(self.images[index]).float() / 255, int(self.labels[index])


def test_images(folder: Path = FOLDER) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, 3, 32, 32] and labels [N], in the test set's order. Raises FileNotFoundError with what to do."""
    for path in (folder / BATCH, folder / "test_batch"):
        if path.is_file():
            return read_batch(path.read_bytes(), path)
    for path in sorted(folder.glob("*.npz")):
        arrays = np.load(path, allow_pickle=False)
        if "images" in arrays and "labels" in arrays:
            return checked(arrays["images"], arrays["labels"], path)
    archive = folder / ARCHIVE
    if not archive.is_file():
        download(archive)
    with tarfile.open(archive) as tar:
        member = tar.extractfile(BATCH)
        assert member is not None
        return read_batch(member.read(), archive)


def weights(folder: Path = FOLDER) -> dict[str, torch.Tensor]:
    """The trained state dict of the tutorial's Net. Raises FileNotFoundError with what to do."""
    path = folder / WEIGHTS
    if not path.is_file():
        fetch_weights(path)
    return torch.load(path, weights_only=True, map_location="cpu")


class NumpyUnpickler(pickle.Unpickler):
    """Arrays and plain values only: a pickle can otherwise run any code."""

    def find_class(self, module: str, name: str) -> Any:
        match module.replace("numpy._core", "numpy.core"), name:
            case "numpy.core.multiarray", "_reconstruct":
                return np.zeros(0).__reduce__()[0]
            case "numpy", "ndarray" | "dtype":
                return getattr(np, name)
            case "_codecs", "encode":
                return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a CIFAR-10 batch holds arrays and lists only, got {module}.{name}")


def read_batch(content: bytes, source: Path) -> tuple[np.ndarray, np.ndarray]:
    batch = NumpyUnpickler(io.BytesIO(content), encoding="bytes").load()
    return checked(batch[b"data"].reshape(-1, 3, 32, 32), np.array(batch[b"labels"]), source)


def checked(images: np.ndarray, labels: np.ndarray, source: Path) -> tuple[np.ndarray, np.ndarray]:
    if images.dtype != np.uint8 or images.shape[1:] != (3, 32, 32) or labels.shape != (len(images),):
        raise ValueError(
            f"{source}: images are {images.dtype} {list(images.shape)} and labels {list(labels.shape)}; "
            "expected uint8 [N, 3, 32, 32] and [N]"
        )
    return images, labels


def download(archive: Path) -> None:
    """The official archive (163 MB), kept in the folder."""
    print(f"Downloading CIFAR-10 (163 MB) to {archive} ...")
    partial = archive.with_suffix(".part")
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        urllib.request.urlretrieve(ARCHIVE_URL, partial)
        partial.rename(archive)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FileNotFoundError(
            f"CIFAR-10 is not in {archive.parent} and could not be downloaded ({error}).\n"
            f"Put one of these into {archive.parent}, or name another folder in the environment variable "
            "ATTRISCOPE_CIFAR10:\n"
            f"  - {ARCHIVE}, the python version from https://www.cs.toronto.edu/~kriz/cifar.html\n"
            f"  - {BATCH}, out of that archive\n"
            "  - any .npz file with images (uint8, [N, 3, 32, 32]) and labels ([N])"
        ) from error


def fetch_weights(path: Path) -> None:
    """Out of the captum 0.8.0 wheel, the last one with Captum Insights and its tutorial's weights."""
    print(f"Fetching the tutorial's weights to {path} ...")
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "captum==0.8.0", "--no-deps", "--quiet", "--dest", scratch]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
            with zipfile.ZipFile(next(Path(scratch).glob("captum-*.whl"))) as wheel:
                content = wheel.read(WEIGHTS_IN_WHEEL)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, subprocess.CalledProcessError, StopIteration, KeyError) as error:
            told = error.stderr.strip().splitlines() if isinstance(error, subprocess.CalledProcessError) else []
            raise FileNotFoundError(
                f"{WEIGHTS} is not in {path.parent} and could not be fetched ({told[-1] if told else error}).\n"
                f"Put it there: it is {WEIGHTS_IN_WHEEL} inside the wheel that\n"
                "  pip download captum==0.8.0 --no-deps\n"
                "downloads (a wheel is a zip file); or torch.save() the state dict of a Net that you trained."
            ) from error
