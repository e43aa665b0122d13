"""What a card says of an export's worth."""

import pytest

from kerastricks.serving import worth

RESULT = {"val_images": 1000, "best_epoch": 0, "epochs": 0, "top1": 0.5}
RECORD = {"temperature": 1.25, "views": 1}


@pytest.mark.parametrize(
    "kind, of, said",
    [
        ("uniform", "runs", "each run's best epoch and the temperature"),
        ("greedy", "runs", "epoch, the runs to average and the temperature"),
        ("uniform", "checkpoints", "also chose the temperature (1.250):"),
    ],
)
def test_a_soup_has_no_best_epoch(kind, of, said):
    about = {"soup": {"kind": kind, "of": of}}
    text = " ".join(worth.metrics(about, RESULT, RECORD).split())
    assert said in text and "0 of 0" not in text
    trained = worth.metrics({}, RESULT | {"best_epoch": 7, "epochs": 9}, RECORD)
    assert "the best epoch (7 of 9) and" in " ".join(trained.split())


def test_what_parity_was_held_against():
    check = {
        "what": "ONNX",
        "images": 4,
        "top1_equal": 4,
        "largest": 1e-7,
        "tolerance": 1e-5,
    }
    record = RECORD | {"checks": [check], "why_not": ""}
    said = "with logits that no temperature divides"
    assert said in " ".join(worth.parity(record).split())
    assert said not in worth.parity(record | {"temperature": 0.8})
