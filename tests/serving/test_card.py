"""The model card, and the code in it."""

import json
import re

from kerastricks import Recipe
from kerastricks.run_dir import RunDir
from kerastricks.serving import card

ABOUT = {
    "model": {"name": "resnet10_d", "params": 310370},
    "data": {
        "class_names": ["cat", "a|b", *map(str, range(30))],
        "train_images": 4000,
        "val_images": 1000,
        "skipped_images": ["x.jpg"],
        "sha256": "abc",
    },
}
RECORD = {
    "folder": "flowers",
    "image_size": 96,
    "eval_crop": 0.875,
    "interpolation": "bicubic",
    "multi_label": False,
    "temperature": 1.25,
    "top_k": 5,
    "tta": "flip",
    "views": 2,
    "formats": [
        {"name": "savedmodel", "file": ""},
        {"name": "litert_int8", "file": "model_int8.tflite"},
        {"name": "onnx", "file": "model.onnx"},
    ],
    "checks": [
        {
            "what": "ONNX",
            "images": 64,
            "top1_equal": 63,
            "largest": 1.5e-7,
            "tolerance": 1e-5,
        }
    ],
    "why_not": "",
}
RESULT = {
    "top1": 0.9123,
    "top1_low": 0.9,
    "top1_high": 0.925,
    "loss": 0.5,
    "ece": 0.03,
    "best_epoch": 7,
    "epochs": 9,
    "val_images": 1000,
    "versions": {"keras": "3.15.1", "python": "3.11"},
}
RECIPE = Recipe(data="folder:/home/me/flowers", epochs=9, mixup=0.2)


def test_numbers_are_those_of_the_run():
    text = card.model_card("run", RECIPE, ABOUT, RESULT, RECORD)
    for line in (
        "# run",
        "| top-1 | 91.23% (95% interval 90.0–92.5%) |",
        "| loss | 0.5000 |",
        "| data | `folder:flowers` |",
        "| training images | 4,000 |",
        "| left out as broken | 1 |",
        "--mixup=0.2",
        "By keras 3.15.1, python 3.11.",
        "| ONNX | 64 | 63 | 1.5e-07 | 1e-05 |",
    ):
        assert line in text.splitlines()
    joined = " ".join(text.split())
    assert "310,370 parameters" in joined and "and 12 more" in joined
    assert "a\\|b" in text and "/home/me" not in text
    assert "looks at 2 views of a picture (flip)" in joined
    assert "probabilities are the softmax of logits / 1.25" in joined.lower()
    assert "the centre 87.5 % of the short side" in joined
    assert "int8 file is less exact" in joined


def test_what_is_not_known_is_said():
    record = RECORD | {"checks": [], "why_not": "--parity_images=0"}
    text = card.model_card("run", RECIPE, ABOUT, None, record)
    assert "Not checked: --parity_images=0." in text
    assert "None: the run is not finished." in text


def test_code_in_the_card_compiles():
    text = card.model_card("run", RECIPE, ABOUT, RESULT, RECORD)
    blocks = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        compile(block, "card", "exec")
    assert 'load("flowers")' in blocks[0]
    assert "side * 110 // short" in blocks[1] and "BICUBIC" in blocks[1]
    assert '"model_int8.tflite"' in blocks[2] and '"model.onnx"' in blocks[3]


def test_a_card_is_written_anew_with_what_is_known_then(tmp_path):
    """As after a training on JAX, whose result is not written yet."""
    run = RunDir(tmp_path / "run")
    run.saved_model.mkdir(parents=True)
    run.effective_file.write_text(json.dumps(ABOUT))
    (run.saved_model / card.RECORD).write_text(json.dumps(RECORD))
    card.write_card(RECIPE, run, run.saved_model, RESULT)
    text = (run.saved_model / card.CARD).read_text()
    assert text.startswith("# run\n") and "91.23%" in text
