"""Rows of numbers and of codes for the tests of columns."""

from __future__ import annotations

import numpy as np
import pandas as pd

RANDOM = np.random.default_rng(7)
NUMBERS = pd.DataFrame(RANDOM.normal(0, 1, (60, 3)), columns=["width", "height", "depth"])
TARGET = 3 * NUMBERS["width"] + NUMBERS["height"] - 2 * NUMBERS["depth"]
CODES = NUMBERS.assign(code=RANDOM.choice(["07", "12", "A1"], 60), note="x")
TURNED = ["depth", "width", "height"]
