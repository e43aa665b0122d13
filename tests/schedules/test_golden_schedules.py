"""Rates against those of torch's and timm's schedulers."""

import json
import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from kerastricks import schedules

pytestmark = pytest.mark.traced

GOLDEN = json.loads(
    pathlib.Path(__file__)
    .with_name("golden_schedules.json")
    .read_text(encoding="utf-8")
)["cases"]


@pytest.mark.parametrize(
    "case", GOLDEN, ids=lambda case: f"{case['name']}-{case['theirs']}"
)
def test_same_rates(case):
    schedule = getattr(schedules, case["name"])(**case["arguments"])
    if case["warmup"]:
        schedule = schedules.Warmup(schedule, **case["warmup"])
    expected = np.array(case["rates"])
    steps = case["first"] + np.arange(len(expected), dtype=np.int32)
    found = ops.convert_to_numpy(schedule(steps))
    # Where little is left of the peak, float32 has fewer digits of it.
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=6e-8)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    one = float(schedule(int(steps[3])))
    assert one == pytest.approx(expected[3], rel=1e-6, abs=6e-8)
