"""The reader of .safetensors: a table of contents in JSON, then bytes.

Everything that the table claims is checked before it is believed. Format:
https://github.com/huggingface/safetensors#format
"""

import json
import math
import pathlib
from typing import Any

import numpy as np

from kerastricks.errors import InputError

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),  # NumPy has none: the upper half of a float32
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
}
MOST_HEADER = 100_000_000  # bytes; the format's own limit


def read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The format's tensors; views of the file but for bfloat16."""
    try:
        header, start = read_header(path)
        check_places(header, path.stat().st_size - start)
        data = np.asarray(np.memmap(path, np.uint8, "r"))[start:]
        return {name: tensor(data, at) for name, at in header.items()}
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise InputError(
            f"a .safetensors file must be whole and sound ({error}); get it "
            f"again. Received: {path}"
        ) from None


def read_header(path: pathlib.Path) -> tuple[dict[str, Any], int]:
    """The table of contents and where the data begins."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        room = path.stat().st_size - 8
        if not 2 <= size <= min(room, MOST_HEADER):
            raise ValueError(f"a header of {size} bytes, {room} are there")
        header = json.loads(file.read(size), object_pairs_hook=unique)
    if not isinstance(header, dict):
        raise ValueError("the header is not a table")
    header.pop("__metadata__", None)
    for name, entry in header.items():
        check_entry(name, entry)
    return header, 8 + size


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON's object; two meanings of one name are none."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name that comes twice")
    return found


def check_entry(name: str, entry: Any) -> None:
    """Raises unless it has a known type, a shape and as many bytes."""
    if not isinstance(entry, dict) or set(entry) != {
        "dtype",
        "shape",
        "data_offsets",
    }:
        raise ValueError(f"{name} lacks dtype, shape or data_offsets")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or any(
            type(number) is not int or number < 0 for number in numbers
        ):
            raise ValueError(f"{name} has numbers that are no sizes")
    if entry["dtype"] not in DTYPES:
        raise ValueError(
            f"{name} is {entry['dtype']}, known are {', '.join(DTYPES)}"
        )
    size = math.prod(shape) * DTYPES[entry["dtype"]].itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != size:
        raise ValueError(f"{name} needs {size} bytes, its place is {offsets}")


def check_places(header: dict[str, Any], size: int) -> None:
    """Raises unless the tensors fill the data, one after the other."""
    end = 0
    for begin, stop in sorted(at["data_offsets"] for at in header.values()):
        if begin != end:
            raise ValueError(f"tensors overlap or leave a gap at byte {end}")
        end = stop
    if end != size:
        raise ValueError(f"{size} bytes of data, {end} expected")


def tensor(data: np.ndarray, at: dict[str, Any]) -> np.ndarray:
    """One tensor out of the data."""
    begin, end = at["data_offsets"]
    found = data[begin:end].view(DTYPES[at["dtype"]]).reshape(at["shape"])
    if at["dtype"] != "BF16":
        return found
    return (found.astype("<u4") << 16).view("<f4")
