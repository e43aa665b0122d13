"""The table on the terminal."""

from kerastricks.assess.table import shortened, table

NUMBERS = {
    "top1": 0.91234,
    "top1_low": 0.9,
    "top1_high": 0.9251,
    "loss": 0.25,
    "ece": 0.0171,
    "temperature": 1.2346,
}


def test_one_way_to_predict_needs_no_name():
    assert table([("", NUMBERS)]).splitlines() == [
        "top-1                  91.23%",
        "  95% interval     90.0–92.5%",
        "loss                   0.2500",
        "calibration error       1.71%",
        "temperature             1.235",
    ]


def test_several_stand_side_by_side_with_dashes_for_what_is_missing():
    lines = table([("plain", NUMBERS), ("flip", {"top1": 0.5})]).splitlines()
    assert lines[0].split() == ["plain", "flip"]
    assert lines[1].split() == ["top-1", "91.23%", "50.00%"]
    assert lines[3].split() == ["loss", "0.2500", "–"]
    assert len({len(line) for line in (lines[0], *lines[3:])}) == 1


def test_a_nan_is_called_so():
    assert table([("", {"loss": float("nan")})]) == "loss  NaN"


def test_long_names_keep_their_ends():
    assert shortened("run") == "run"
    assert shortened("a" * 30 + "seed1") == "…" + "a" * 16 + "seed1"
