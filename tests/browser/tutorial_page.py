"""JSON {"path", "samples"} in: writes the tutorial's explorer with its first samples to a page."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import tutorial

asked = json.load(sys.stdin)
tutorial.SHOWN = asked["samples"]
tutorial.tutorial({}).save(asked["path"], num_examples=asked["samples"])
print("{}")
