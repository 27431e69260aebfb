"""Small film reviews, made up from a fixed set of phrases, and a classifier that learns them in seconds."""

from __future__ import annotations

import random

import torch
from torch import nn

CLASSES = ["Negative", "Positive"]
PAD = "<pad>"

_SUBJECTS = ("the plot", "the acting", "the second half", "the music", "the ending", "the camera", "this film")
_LINKS = {
    "Positive": ("is superb", "moved me", "is a quiet joy", "is witty and warm", "never drags", "is not bad at all"),
    "Negative": ("is thin", "drags", "is dull and loud", "left me cold", "is not good", "bored me to tears"),
}
_FILLERS = ("and", ",", ", with its long shots ,", "while", ", if you stay ,")


def reviews(count: int, seed: int) -> list[tuple[list[str], int]]:
    """Tokens and class of ``count`` reviews: three clauses each, of which at least two speak for the class."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        label = draw.randrange(2)
        sides = [CLASSES[label]] * 2 + [draw.choice(CLASSES)]
        draw.shuffle(sides)
        clauses = [f"{draw.choice(_SUBJECTS)} {draw.choice(_LINKS[side])}" for side in sides]
        text = f"{clauses[0]} {draw.choice(_FILLERS)} {clauses[1]} but {clauses[2]}"
        found.append((text.split(), label))
    return found


class Vocabulary:
    """Words as ids from 1 on; 0 is padding."""

    def __init__(self, texts: list[tuple[list[str], int]]):
        self.words = [PAD, *sorted({word for words, _ in texts for word in words})]
        self._ids = {word: i for i, word in enumerate(self.words)}

    def encode(self, words: list[str]) -> torch.Tensor:
        return torch.tensor([self._ids[word] for word in words])

    def decode(self, ids: torch.Tensor) -> list[str]:
        return [self.words[i] for i in ids.flatten().tolist()]


class Sentiment(nn.Module):
    """Embeddings, a convolution over three words, the strongest response of each channel, two scores."""

    def __init__(self, words: int):
        super().__init__()
        self.embedding = nn.Embedding(words, 16, padding_idx=0)
        self.conv = nn.Conv1d(16, 24, 3, padding=1)
        self.relu = nn.ReLU()
        self.linear = nn.Linear(24, len(CLASSES))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embedding(ids).transpose(1, 2)
        return self.linear(self.relu(self.conv(x)).amax(2))


def train(texts: list[tuple[list[str], int]], vocabulary: Vocabulary, epochs: int = 4) -> Sentiment:
    torch.manual_seed(0)
    model = Sentiment(len(vocabulary.words))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(epochs):
        for words, label in texts:
            loss = nn.functional.cross_entropy(model(vocabulary.encode(words)[None]), torch.tensor([label]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()
