"""Pictures of one coloured shape, questions about them, and a network that answers."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import Dataset

COLOURS = {"red": (0.85, 0.2, 0.2), "green": (0.2, 0.7, 0.3), "blue": (0.25, 0.35, 0.85)}
SHAPES = ("square", "disc", "cross")
ANSWERS = [*COLOURS, *SHAPES]
QUESTIONS = ("what colour does it have ?", "what form does it have ?", "which colour is this ?", "which form is this ?")
WORDS = ["<pad>", *sorted({word for question in QUESTIONS for word in question.split()})]
SIZE = 24


def picture(colour: str, shape: str, x: int, y: int) -> torch.Tensor:
    """A shape of 9 x 9 pixels around (x, y), on grey: [3, 24, 24], 0..1."""
    rows, columns = torch.meshgrid(torch.arange(SIZE) - y, torch.arange(SIZE) - x, indexing="ij")
    rows, columns = rows.abs(), columns.abs()
    inside = {
        "square": (rows <= 4) & (columns <= 4),
        "disc": rows**2 + columns**2 <= 20,
        "cross": ((rows <= 1) & (columns <= 4)) | ((columns <= 1) & (rows <= 4)),
    }[shape]
    return torch.where(inside, torch.tensor(COLOURS[colour]).reshape(3, 1, 1), torch.tensor(0.92))


class Questions(Dataset[tuple[tuple[torch.Tensor, torch.Tensor], int]]):
    """Items ((picture [3, 24, 24], word ids [6]), answer)."""

    def __init__(self, count: int, seed: int):
        draw = torch.Generator().manual_seed(seed)
        self._draws = torch.rand(count, 5, generator=draw).tolist()

    def __len__(self) -> int:
        return len(self._draws)

    def __getitem__(self, i: int) -> tuple[tuple[torch.Tensor, torch.Tensor], int]:
        a, b, c, d, e = self._draws[i]
        colour, shape = list(COLOURS)[int(a * 3)], SHAPES[int(b * 3)]
        question = QUESTIONS[int(c * len(QUESTIONS))].split()
        ids = [WORDS.index(word) for word in question] + [0] * (6 - len(question))
        answer = colour if "colour" in question else shape
        return (picture(colour, shape, 5 + int(d * 14), 5 + int(e * 14)), torch.tensor(ids)), ANSWERS.index(answer)


class Answering(nn.Module):
    """What the picture shows and what the words ask for, multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 12, 3, padding=1, stride=2), nn.Conv2d(12, 32, 3, padding=1)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.embedding = nn.Embedding(len(WORDS), 32, padding_idx=0)
        self.linear = nn.Linear(32, len(ANSWERS))

    def forward(self, image: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        seen = self.relu2(self.conv2(self.relu1(self.conv1(image - 0.5)))).amax((2, 3))
        return self.linear(seen * self.embedding(words).mean(1))


def train(examples: Questions, epochs: int = 15) -> Answering:
    torch.manual_seed(0)
    model = Answering()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    items = [examples[i] for i in range(len(examples))]
    images, words = (torch.stack([x[part] for x, _ in items]) for part in (0, 1))
    answers = torch.tensor([answer for _, answer in items])
    for _ in range(epochs):
        for rows in torch.randperm(len(items)).split(32):
            loss = nn.functional.cross_entropy(model(images[rows], words[rows]), answers[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()
