"""The part of a model card that says what goes in, what comes out, and how."""

from collections.abc import Mapping
from typing import Any

SAVED_MODEL = """
```python
import tensorflow as tf

model = tf.saved_model.load("{folder}")
picture = tf.io.read_file("photo.jpg")
answer = model.signatures["serve_bytes"](image_bytes=picture[None])
print(answer["top_k_classes"][0], answer["top_k_probabilities"][0])
```
"""
SQUARE = """
```python
import numpy as np
from PIL import Image, ImageOps

image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB")
short = min(image.size)
image = image.resize(
    [side * {short} // short for side in image.size], Image.Resampling.{filter}
)
left, top = (round((side - {side}) / 2) for side in image.size)
square = image.crop((left, top, left + {side}, top + {side}))
images = np.asarray(square)[None]
```
"""
LITERT = """
```python
import zipfile

from ai_edge_litert.interpreter import Interpreter

names = zipfile.ZipFile("{file}").read("labels.txt").decode().split("\\n")
classify = Interpreter(model_path="{file}").get_signature_runner()
answer = classify(images=images)
print([names[i] for i in answer["top_k_indices"][0]])
```
"""
ONNX = """
```python
import json

import onnxruntime

session = onnxruntime.InferenceSession("{file}")
names = json.loads(session.get_modelmeta().custom_metadata_map["class_names"])
chances, indices = session.run(
    ["top_k_probabilities", "top_k_indices"], {{"images": images}}
)
print([names[i] for i in indices[0]], chances[0])
```
"""


def usage(about: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Signatures, files and an example of each."""
    files = {one["name"]: one for one in record["formats"]}
    parts = ["## Use", signatures(about, record), SAVED_MODEL.strip()]
    if len(files) > 1:
        side = record["image_size"]
        square = SQUARE.format(
            short=round(side / record["eval_crop"]),
            side=side,
            filter=record["interpolation"].upper(),
        )
        parts += [
            "LiteRT and ONNX take squares that are cut already. Cut by Pillow, "
            "a fifth of the\nvalues differ from evaluation's, most by 1 of "
            "255:",
            square.strip(),
        ]
    for name in ("litert", "litert_int8"):
        if name in files:
            parts.append(LITERT.format(file=files[name]["file"]).strip())
    if "onnx" in files:
        parts.append(ONNX.format(file=files["onnx"]["file"]).strip())
    parts = [part.replace("{folder}", record["folder"]) for part in parts]
    return "\n\n".join(parts)


def signatures(about: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """What goes in and what comes out, as tables."""
    count, side = len(about["data"]["class_names"]), record["image_size"]
    top_k = record["top_k"]
    square = f"uint8 [N, {side}, {side}, 3]"
    rows = [
        "| File, signature | Input |",
        "| --- | --- |",
        "| SavedModel, `serve_bytes` | `image_bytes`: string [N]; JPEG, PNG, "
        "GIF, BMP or WebP, each of any size |",
        "| SavedModel, `serving_default` | `images`: uint8 [N, H, W, 3], of "
        "any size |",
        "| SavedModel, `logits` | `pixels`: float32 [N, "
        f"{side}, {side}, 3] from 0 to 255, cut already; gives `logits`: "
        f"float32 [N, {count}] |",
        "| SavedModel, `class_names` | nothing; gives `class_names`: string "
        f"[{count}] |",
    ]
    rows += [
        f"| `{one['file']}` | `images`: {square}, cut already |"
        for one in record["formats"]
        if one["file"]
    ]
    kind = "sigmoid" if record["multi_label"] else "softmax"
    return "\n".join(rows) + (
        f"\n\nThe others give `probabilities`: float32 [N, {count}], "
        f"`top_k_indices`: int32\n[N, {top_k}], `top_k_probabilities`: float32 "
        f"[N, {top_k}], and those of the SavedModel\n`top_k_classes`: string "
        f"[N, {top_k}]. Probabilities are the {kind} of\nlogits / "
        f"{record['temperature']:.4g}."
    )
