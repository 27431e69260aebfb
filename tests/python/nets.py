"""Small networks for the tests, seeded, in evaluation mode."""

import torch
import torch.nn.functional as F
from torch import nn


class Mixed(nn.Module):
    """BatchNorm, ReLU6, average pools, functional relu, concatenation, mean and a view by the batch size."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU6(), nn.AvgPool2d(2))
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.dropout = nn.Dropout()
        self.linear = nn.Linear(64, 10)
        self.norm = nn.BatchNorm1d(10)
        for norm in (self.block[1], self.norm):
            nn.init.uniform_(norm.weight, 0.5, 2)
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        x = self.block(photo)
        x = torch.cat([x, F.relu(x) * x.mean((2, 3), keepdim=True)], 1)
        x = self.dropout(self.pool(x))
        return self.norm(self.linear(x.view(x.size(0), -1)))


class Tiny(nn.Module):
    """One convolution on [N, C, 8, 8], three classes."""

    def __init__(self, channels: int = 3, outputs: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3)
        self.relu = nn.ReLU()
        self.linear = nn.Linear(4 * 36, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(torch.flatten(self.relu(self.conv(x)), 1))


class TwoImages(nn.Module):
    """Two images and the length of something else."""

    def __init__(self) -> None:
        super().__init__()
        self.left = Tiny(3)
        self.right = Tiny(1)

    def forward(
        self, left: torch.Tensor, right: torch.Tensor, length: torch.Tensor, scale: float = 1.0
    ) -> torch.Tensor:
        return self.left(left) + scale * self.right(right) * length[:, None].float()


class Words(nn.Module):
    """A text classifier on token ids [N, T] of a vocabulary of 20: embedding, convolution over the text, mean."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, 4)
        self.conv = nn.Conv1d(4, 6, 3, padding=1)
        self.relu = nn.ReLU()
        self.linear = nn.Linear(6, outputs)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids).transpose(1, 2)
        return self.linear(self.relu(self.conv(x)).mean(2))


class Rows(nn.Module):
    """Two layers on rows of numbers [N, columns]."""

    def __init__(self, columns: int = 3, outputs: int = 2) -> None:
        super().__init__()
        self.hidden = nn.Linear(columns, 8)
        self.relu = nn.ReLU()
        self.linear = nn.Linear(8, outputs)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        return self.linear(self.relu(self.hidden(row)))


class Captioned(nn.Module):
    """A picture, its caption, and how much the caption counts."""

    def __init__(self) -> None:
        super().__init__()
        self.image = Tiny()
        self.text = Words(3)

    def forward(self, image: torch.Tensor, caption: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return self.image(image) + weight[:, None] * self.text(caption)


def seeded(make: type[nn.Module], *arguments: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(*arguments).eval()


def softmax(output: torch.Tensor) -> torch.Tensor:
    return torch.softmax(output, 1)


def images(size: int, channels: int = 3, height: int = 8, width: int = 8) -> torch.Tensor:
    """[size, channels, height, width] within 0..1."""
    return torch.rand(size, channels, height, width, generator=torch.Generator().manual_seed(size))


def texts(size: int, length: int = 5) -> torch.Tensor:
    """Token ids [size, length] of a vocabulary of 20."""
    return torch.randint(20, (size, length), generator=torch.Generator().manual_seed(size))


def rows(size: int, columns: int = 3) -> torch.Tensor:
    """[size, columns], every column in a range of its own."""
    values = torch.randn(size, columns, generator=torch.Generator().manual_seed(size))
    return values * 10.0 ** torch.arange(columns)
