"""Readers of tensors: values, what is refused, and that no code is run."""

import importlib.machinery
import importlib.util
import json
import pickle
import types

import numpy as np
import pytest

from kerastricks.errors import InputError
from kerastricks.models.weights.tensor_files import read_tensors


def packed(header, data=b"", size=None):
    """The bytes of a .safetensors file."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(text) if size is None else size
    return size.to_bytes(8, "little") + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def two_floats(begin=0, end=8, **changes):
    return {**entry("F32", [2], begin, end), **changes}


def write(path, content):
    path.write_bytes(content)
    return path


# safetensors


def test_every_type_has_its_values(tmp_path):
    # Out of order and not aligned, which the format allows.
    data = (
        b"\x07"
        + np.array([1.5, -2.25], "<f8").tobytes()
        + np.array([[0.1], [3e30]], "<f4").tobytes()
        + np.array([0.5], "<f2").tobytes()
        + bytes([0xC0, 0x3F, 0x00, 0xC0])  # 1.5, -2: the format's upper half
        + np.array([-(2**40)], "<i8").tobytes()
        + np.array(-5, "<i4").tobytes()
    )
    header = {
        "double": entry("F64", [2], 1, 17),
        "__metadata__": {"format": "pt"},
        "single": entry("F32", [2, 1], 17, 25),
        "byte": entry("U8", [1], 0, 1),
        "half": entry("F16", [1, 1, 1], 25, 27),
        "brain": entry("BF16", [2], 27, 31),
        "long": entry("I64", [1], 31, 39),
        "number": entry("I32", [], 39, 43),
        "nothing": entry("F32", [0, 3], 43, 43),
    }
    text = json.dumps(header).encode() + b"   "  # padded, as writers do
    found = read_tensors(
        write(tmp_path / "all.safetensors", packed(text, data))
    )
    expected = {
        "double": np.array([1.5, -2.25]),
        "single": np.array([[0.1], [3e30]], np.float32),
        "byte": np.array([7], np.uint8),
        "half": np.array([[[0.5]]], np.float16),
        "brain": np.array([1.5, -2], np.float32),
        "long": np.array([-(2**40)]),
        "number": np.array(-5, np.int32),
        "nothing": np.zeros((0, 3), np.float32),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, strict=True)


def test_tensors_are_views_of_the_file(tmp_path):
    path = write(
        tmp_path / "a.safetensors", packed({"a": two_floats()}, b"\0" * 8)
    )
    a = read_tensors(path)["a"]
    assert not a.flags.owndata and not a.flags.writeable


DEEP = b'{"a":' * 100_000
CORRUPT = {
    "empty": b"",
    "short": b"\x02\0\0",
    "no room for the header": packed({"a": two_floats()}, size=10_000),
    "a header of exabytes": packed({"a": two_floats()}, size=2**63),
    "no JSON": packed(b"{'a': 1}"),
    "no UTF-8": packed(b'{"\xff": 1}'),
    "too deep": packed(DEEP),
    "a list": packed([1, 2]),
    "an entry that is none": packed({"a": 3}),
    "no dtype": packed({"a": {"shape": [2], "data_offsets": [0, 8]}}),
    "unknown dtype": packed({"a": two_floats(dtype="F8_E4M3")}, b"\0" * 8),
    "dtype of a table": packed({"a": two_floats(dtype={})}, b"\0" * 8),
    "negative size": packed({"a": two_floats(shape=[-2])}, b"\0" * 8),
    "broken size": packed({"a": two_floats(shape=[2.0])}, b"\0" * 8),
    "size that is true": packed({"a": entry("F32", [True], 0, 4)}, b"\0" * 4),
    "shape that is a number": packed({"a": two_floats(shape=2)}, b"\0" * 8),
    "sizes beyond all bounds": packed({"a": entry("F32", [0, 2**80], 0, 0)}),
    "too many axes": packed({"a": entry("F32", [1] * 99, 0, 4)}, b"\0" * 4),
    "fewer bytes than the shape": packed({"a": two_floats(0, 4)}, b"\0" * 4),
    "end before begin": packed({"a": two_floats(8, 0)}, b"\0" * 8),
    "three offsets": packed(
        {"a": two_floats(data_offsets=[0, 8, 8])}, b"\0" * 8
    ),
    "beyond the end": packed({"a": two_floats()}, b"\0" * 7),
    "left over": packed({"a": two_floats()}, b"\0" * 9),
    "a gap": packed({"a": two_floats(4, 12)}, b"\0" * 12),
    "overlap": packed({"a": two_floats(), "b": two_floats(4, 12)}, b"\0" * 12),
    "one name twice": packed(
        b'{"a": %(e)s, "a": %(e)s}' % {b"e": json.dumps(two_floats()).encode()},
        b"\0" * 8,
    ),
}


@pytest.mark.parametrize("why", CORRUPT)
def test_corrupt_files_are_refused(why, tmp_path):
    path = write(tmp_path / "bad.safetensors", CORRUPT[why])
    with pytest.raises(InputError, match="whole and sound.*bad.safetensors"):
        read_tensors(path)


@pytest.mark.parametrize(
    "names, expected",
    [
        (["module.a", "module.b"], ["a", "b"]),
        (["_orig_mod.module.a", "_orig_mod.module.b"], ["a", "b"]),
        (["module.model.a"], ["a"]),
        (["module.a", "b"], ["module.a", "b"]),
        (["models.a"], ["models.a"]),
    ],
)
def test_prefixes_of_all_names_go(names, expected, tmp_path):
    header = {
        name: two_floats(8 * i, 8 * i + 8) for i, name in enumerate(names)
    }
    path = write(
        tmp_path / "a.safetensors", packed(header, b"\0" * 8 * len(names))
    )
    assert list(read_tensors(path)) == expected


def test_other_files_are_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"ends in one of \.safetensors, .*\.h5"
    ):
        read_tensors(tmp_path / "a.h5")
    with pytest.raises(InputError, match=r"no such file. Received: .*a\.pth"):
        read_tensors(tmp_path / "a.pth")


# torch: a stand-in shows how it is called; the real one follows


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, proof):
        self.proof = str(proof)

    def __reduce__(self):
        return open, (self.proof, "w")


class Tensor:
    """As much of torch.Tensor as is used."""

    dtype = "torch.float32"

    def __init__(self, *values):
        self.values = np.array(values)

    def detach(self):
        return self

    def numpy(self):
        return self.values


def stand_in(monkeypatch, content, version="2.6.0+cpu"):
    """A module torch whose `load` gives this content; the calls it gets."""
    calls = []

    def load(path, **options):
        calls.append(options)
        return content

    torch = types.ModuleType("torch")
    torch.__spec__ = importlib.machinery.ModuleSpec("torch", None)
    torch.__version__, torch.load, torch.Tensor = version, load, Tensor
    monkeypatch.setitem(__import__("sys").modules, "torch", torch)
    return calls


def looped():
    table = {}
    table["model"] = table
    return table


@pytest.mark.parametrize(
    "content, expected",
    [
        ({"a": Tensor(1)}, {"a": 1}),
        ({"state_dict": {"module.a": Tensor(2)}, "epoch": 3}, {"a": 2}),
        ({"model": {"state_dict": {"a": Tensor(4)}}}, {"a": 4}),
        (
            {"state_dict": {"a": Tensor(5)}, "model_ema": {"a": Tensor(6)}},
            {"a": 6},
        ),
        ({"model.a": Tensor(7), "model.b": Tensor(8)}, {"a": 7, "b": 8}),
        ({"model": Tensor(9), "step": 1}, {"model": 9}),
    ],
)
def test_weights_are_found_in_checkpoints(
    content, expected, tmp_path, monkeypatch
):
    calls = stand_in(monkeypatch, content)
    found = read_tensors(write(tmp_path / "a.pth.tar", b"x"))
    assert {name: value.item() for name, value in found.items()} == expected
    assert calls == [{"map_location": "cpu", "weights_only": True}]


@pytest.mark.parametrize("content", [[Tensor(1)], {"epoch": 3}, {}, looped()])
def test_checkpoints_without_weights_are_refused(
    content, tmp_path, monkeypatch
):
    stand_in(monkeypatch, content)
    with pytest.raises(InputError, match="must hold tensors by name"):
        read_tensors(write(tmp_path / "a.bin", b"x"))


def test_torch_that_would_run_code_is_refused(tmp_path, monkeypatch):
    calls = stand_in(monkeypatch, {}, version="2.5.1")
    with pytest.raises(
        InputError, match=r"upgrade torch.*Received: torch 2\.5"
    ):
        read_tensors(write(tmp_path / "a.pth", b"x"))
    assert calls == []


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".tar"])
def test_without_torch_nothing_is_unpickled(suffix, tmp_path, monkeypatch):
    proof = tmp_path / "proof"
    path = write(tmp_path / f"evil{suffix}", pickle.dumps(Evil(proof)))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"install torch, or convert"):
        read_tensors(path)
    assert not proof.exists()
    pickle.loads(path.read_bytes()).close()  # it would have
    assert proof.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_runs_no_code(zipped, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    proof, path = tmp_path / "proof", tmp_path / "evil.pth"
    torch.save(
        {"state_dict": {"a": torch.ones(2)}, "x": Evil(proof)},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(InputError, match=r"refers to (io|_io|builtins)\.open"):
        read_tensors(path)
    assert not proof.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_values_of_torch_files(zipped, tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.pth"
    tensors = {
        "module.a": torch.tensor([[1.5, -2.0]]).T,
        "module.b": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "module.c": torch.nn.Parameter(torch.tensor(3.0)),
    }
    torch.save(
        {"state_dict": tensors}, path, _use_new_zipfile_serialization=zipped
    )
    found = read_tensors(path)
    assert found["a"].tolist() == [[1.5], [-2.0]]
    assert found["b"].tolist() == [1.5, -2.0]
    assert found["b"].dtype == np.float32
    assert found["c"] == 3
    cut = write(tmp_path / "cut.pth", path.read_bytes()[:-100])
    with pytest.raises(InputError, match="and be whole"):
        read_tensors(cut)
