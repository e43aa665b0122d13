"""What `auto` stands for."""

import os
import pathlib
import sys
import types

import pytest

from kerastricks import hardware
from kerastricks.config import Recipe
from kerastricks.errors import InputError


@pytest.fixture
def no_keras(monkeypatch):
    """As in a fresh process: Keras is not loaded yet."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "")
    return monkeypatch


def loaded(monkeypatch, name):
    """As in a process that has loaded Keras with a backend."""
    keras = types.ModuleType("keras")
    keras.backend = types.SimpleNamespace(backend=lambda: name)
    monkeypatch.setitem(sys.modules, "keras", keras)


@pytest.mark.parametrize(
    "wanted, variable, expected",
    [
        ("auto", "", "tensorflow"),
        ("auto", "tensorflow", "tensorflow"),
        ("auto", "jax", "jax"),
        ("jax", "", "jax"),
        ("jax", "tensorflow", "jax"),
        ("tensorflow", "jax", "tensorflow"),
        ("tensorflow", "torch", "tensorflow"),
    ],
)
def test_backend_before_keras_is_loaded(no_keras, wanted, variable, expected):
    no_keras.setenv("KERAS_BACKEND", variable)
    assert hardware.choose_backend(wanted) == expected
    assert os.environ["KERAS_BACKEND"] == expected


def test_foreign_backend_is_refused(no_keras):
    no_keras.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(InputError) as caught:
        hardware.choose_backend("auto")
    assert str(caught.value) == (
        "kerastricks runs on the tensorflow and jax backends. "
        "Received: KERAS_BACKEND=torch"
    )


@pytest.mark.parametrize("name", ["tensorflow", "jax"])
def test_loaded_backend_stays(monkeypatch, name):
    loaded(monkeypatch, name)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert hardware.choose_backend("auto") == name
    assert hardware.choose_backend(name) == name


def test_loaded_backend_cannot_be_changed(monkeypatch):
    loaded(monkeypatch, "tensorflow")
    with pytest.raises(InputError) as caught:
        hardware.choose_backend("jax")
    assert str(caught.value) == (
        "Keras is already loaded with another backend; set KERAS_BACKEND=jax "
        "before Python starts. Received: backend=jax, loaded: tensorflow"
    )


@pytest.mark.parametrize(
    "wanted, policy",
    [
        ("float32", "float32"),
        ("bfloat16", "mixed_bfloat16"),
        ("float16", "mixed_float16"),
        ("mixed_bfloat16", "mixed_bfloat16"),
        ("mixed_float16", "mixed_float16"),
    ],
)
def test_named_precision(wanted, policy):
    assert hardware.choose_precision(wanted) == policy


@pytest.mark.parametrize(
    "accelerator, cpu, policy",
    [
        (True, False, "mixed_bfloat16"),
        (False, True, "float32"),  # its GPU decides, not the CPU beside it
        (None, True, "mixed_bfloat16"),
        (None, False, "float32"),
    ],
)
def test_precision_that_the_hardware_has(monkeypatch, accelerator, cpu, policy):
    backend = types.ModuleType("kerastricks.backend")
    backend.accelerator_has_bfloat16 = lambda: accelerator
    monkeypatch.setitem(sys.modules, "kerastricks.backend", backend)
    monkeypatch.setattr(hardware, "cpu_has_bfloat16", lambda: cpu)
    assert hardware.choose_precision("auto") == policy


@pytest.mark.parametrize(
    "about, expected",
    [
        ("flags : fpu avx2 avx512_bf16 avx512_vnni", True),
        ("flags : fpu amx_bf16 amx_tile", True),
        ("flags : fpu avx2 avx512f", False),
        (None, False),
    ],
)
def test_cpu_is_asked_by_its_flags(monkeypatch, about, expected):
    def read_text(path, encoding):
        assert path == pathlib.Path("/proc/cpuinfo")
        if about is None:
            raise FileNotFoundError
        return about

    monkeypatch.setattr(pathlib.Path, "read_text", read_text)
    assert hardware.cpu_has_bfloat16() is expected


def test_recipe_is_spelled_out_and_else_the_same(monkeypatch):
    loaded(monkeypatch, "jax")
    monkeypatch.setattr(hardware, "choose_precision", lambda wanted: "float32")
    recipe = Recipe(mixup=0.2)
    resolved = hardware.resolve(recipe)
    settled = recipe.settled()
    assert resolved == settled.replace(backend="jax", precision="float32")
    assert settled.optimizer.learning_rate == 0.1
    assert resolved.sha256() != recipe.sha256()


@pytest.mark.parametrize("wanted, found", [(1, 1), (2, 2), (0, 3)])
def test_devices(monkeypatch, wanted, found):
    monkeypatch.setattr("kerastricks.backend.device_names", lambda: [*"abc"])
    assert hardware.choose_devices(wanted) == found


def test_more_devices_than_there_are(monkeypatch):
    monkeypatch.setattr("kerastricks.backend.device_names", lambda: ["CPU:0"])
    with pytest.raises(InputError) as caught:
        hardware.choose_devices(2)
    assert str(caught.value) == (
        "a run takes no more devices than its backend sees (CPU:0). "
        "Received: devices=2"
    )
