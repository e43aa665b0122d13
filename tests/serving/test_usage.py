"""What goes in and what comes out, as a table."""

from kerastricks.serving.usage import signatures

RECORD = {
    "image_size": 96,
    "multi_label": True,
    "temperature": 2.0,
    "top_k": 4,
    "formats": [{"file": ""}, {"file": "model.onnx"}],
}


def test_shapes_are_those_of_the_model():
    about = {"data": {"class_names": ["a"] * 7}}
    text = signatures(about, RECORD)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[-1] == (
        "| `model.onnx` | `images`: uint8 [N, 96, 96, 3], cut already |"
    )
    assert len(rows) == 7
    assert "float32 [N, 96, 96, 3] from 0 to 255" in text
    joined = " ".join(text.split())
    assert "`probabilities`: float32 [N, 7]" in joined
    assert "`top_k_indices`: int32 [N, 4]" in joined
    assert "Probabilities are the sigmoid of logits / 2." in joined
