"""What the tests of values share."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import pytest

mpl.use("agg")


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"age": range(7032), "plan": ["monthly"] * 7032, "when": pd.Timestamp("2026-01-01")})
