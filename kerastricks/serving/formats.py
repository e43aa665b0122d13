"""The formats that a classifier can be written in, and what each one needs."""

import dataclasses
import importlib.util
from collections.abc import Sequence

from kerastricks.errors import InputError


@dataclasses.dataclass(frozen=True)
class Format:
    """One kind of file.

    Args:
        name: as in --format.
        title: as people call it.
        file: its name in the folder of the export, which is the SavedModel.
        extra: of pip, that brings the packages.
        packages: that writing and checking it import.
        exact: whether it computes in float32.
    """

    name: str
    title: str
    file: str = ""
    extra: str = ""
    packages: tuple[str, ...] = ()
    exact: bool = True

    @property
    def whole(self) -> bool:
        """Whether it decodes and cuts pictures; others take finished squares.

        Those are operations of TensorFlow's own.
        """
        return not self.file


SAVED_MODEL = Format("savedmodel", "SavedModel")
LITERT = Format(
    "litert", "LiteRT", "model.tflite", "litert", ("ai_edge_litert",)
)
LITERT_INT8 = dataclasses.replace(
    LITERT,
    name="litert_int8",
    title="LiteRT int8",
    file="model_int8.tflite",
    exact=False,
)
ONNX = Format(
    "onnx", "ONNX", "model.onnx", "onnx", ("tf2onnx", "onnx", "onnxruntime")
)
FORMATS = (SAVED_MODEL, LITERT, LITERT_INT8, ONNX)


def parse_formats(text: str) -> tuple[Format, ...]:
    """The formats by their names, the SavedModel always among them."""
    names = [part.strip() for part in text.split(",") if part.strip()]
    known = {one.name: one for one in FORMATS}
    for name in names:
        if name not in known:
            raise InputError(
                "format must be of "
                f"{', '.join(known)}, with commas between. "
                f"Received: format={name}"
            )
    wanted = {SAVED_MODEL.name, *names}
    return tuple(one for one in FORMATS if one.name in wanted)


def need_packages(formats: Sequence[Format]) -> None:
    """Refuses a format whose packages are not installed."""
    for one in formats:
        for package in one.packages:
            if importlib.util.find_spec(package) is None:
                raise InputError(
                    f"{one.title} needs the package {package}: "
                    f"pip install 'kerastricks[{one.extra}]'. "
                    f"Received: format={one.name}"
                )
