"""keras-cv's layers as policies: functions of the key, readable refusals."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.call_text import parse_call
from kerastricks.data.policies.keras_cv import Draws, KerasCv
from kerastricks.errors import InputError


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["GridMask", "RandomHue(factor=0.4)", "RandAugment", "AugMix"]
)
def test_same_key_same_image_and_other_keys_others(picture, run_many, text):
    policy = KerasCv(text)
    first, again = (run_many(policy, picture, 6) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len({image.tobytes() for image in first}) > 3
    np.testing.assert_array_equal(run_many(KerasCv(text), picture, 6), first)
    assert first.dtype == np.uint8 and first.shape[1:] == picture.shape


def test_nothing_stateful_is_left_in_the_graph(picture):
    traced = tf.function(KerasCv("GridMask(fill_mode='gaussian_noise')"))
    graph = traced.get_concrete_function(
        tf.TensorSpec(picture.shape, tf.uint8), tf.TensorSpec([2], tf.int32)
    ).graph
    kinds = {op.type for op in graph.get_operations()}
    assert any(kind.startswith("StatelessRandom") for kind in kinds)
    assert not {k for k in kinds if k.startswith(("Random", "Stateful"))}


def test_value_range_is_that_of_bytes(picture, run_many):
    new = run_many(KerasCv("Solarization"), picture, 1)[0]
    np.testing.assert_array_equal(new, 255 - picture)


def test_draws_stand_in_for_a_generator():
    draws = Draws(tf.constant([1, 2]))
    first, second = draws.uniform([2000]), draws.uniform([2000])
    assert abs(float(np.corrcoef(first, second)[0, 1])) < 0.08
    whole = draws.uniform([500], 3, 6, dtype=tf.int32).numpy()
    assert set(whole) == {3, 4, 5}
    normal = draws.normal([3000], 2.0, 0.5).numpy()
    assert abs(normal.mean() - 2) < 0.05 and abs(normal.std() - 0.5) < 0.05
    gamma = draws.gamma([2000], tf.constant([4.0])).numpy()
    assert gamma.shape == (2000, 1) and abs(gamma.mean() - 4) < 0.25
    assert sorted(draws.shuffle(tf.range(9)).numpy()) == list(range(9))
    again = Draws(tf.constant([1, 2])).uniform([2000])
    np.testing.assert_array_equal(first, again)


def test_options_are_literals():
    assert parse_call("A", "policy", "policies") == ("A", {})
    assert parse_call("A(b=(1, 2), c='d')", "policy", "policies") == (
        "A",
        {"b": (1, 2), "c": "d"},
    )


@pytest.mark.parametrize("text", ["", "A(1)", "A(", "a.B", "A(b=c())", "A()()"])
def test_what_is_no_layer_is_refused(text):
    with pytest.raises(InputError, match=r"Name\(option=value\). Received: "):
        parse_call(text, "policy", "policies")


@pytest.mark.parametrize(
    "text, message",
    [
        ("GridMsk", "close to it: GridMask"),
        ("MixUp2000", "close to it: .*Received: policy=keras_cv:MixUp2000"),
        ("RandomHue", r"RandomHue takes \(.*factor"),
        ("GridMask(size=3)", "GridMask takes"),
        ("Dense", "no augmentation layer of this name"),
    ],
)
def test_wrong_names_and_options_are_refused(text, message):
    with pytest.raises(InputError, match=message):
        KerasCv(text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("RandomCrop(height=8, width=8)", "leave the image's size"),
        ("MixUp", "act on one image alone. Received: policy=keras_cv:MixUp"),
    ],
)
def test_layer_that_is_no_policy_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        KerasCv(text)


def test_missing_keras_cv_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_cv", None)
    with pytest.raises(InputError, match="pip install keras-cv"):
        KerasCv("GridMask")
