import keras
import numpy as np
import pytest
from keras import layers, ops

from kerastricks.optimizers import AdamW, Muon
from kerastricks.optimizers.muon import matrix_shape, newton_schulz

pytestmark = pytest.mark.traced


@pytest.mark.parametrize("shape", [(5, 5), (3, 9), (9, 3)])
def test_all_singular_values_come_to_about_one(shape):
    """And the singular vectors stay."""
    matrix = np.random.RandomState(0).normal(size=shape).astype(np.float32)
    found = ops.convert_to_numpy(
        newton_schulz(ops.convert_to_tensor(matrix), 5)
    )
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    seen = left.T @ found @ right.T
    values = np.diag(seen)
    np.testing.assert_allclose(seen, np.diag(values), atol=1e-4)
    assert 0.6 < values.min() and values.max() < 1.25


def test_a_zero_matrix_stays_zero():
    found = newton_schulz(ops.zeros((2, 3)), 5)
    assert not ops.convert_to_numpy(found).any()


@pytest.mark.parametrize(
    "shape, expected",
    [((), (1, 1)), ((7,), (1, 7)), ((2, 3), (2, 3)), ((3, 3, 4, 5), (36, 5))],
)
def test_kernels_as_matrices(shape, expected):
    assert matrix_shape(shape) == expected


@pytest.fixture(scope="module")
def model():
    return keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            layers.Conv2D(2, 3, name="conv"),
            layers.BatchNormalization(name="bn"),
            layers.DepthwiseConv2D(1, name="depthwise", use_bias=False),
            layers.Flatten(),
            layers.Dense(5, name="middle", use_bias=False),
            layers.Dense(3, name="head"),
        ],
        name="net",
    )


def by_muon(model, **options):
    optimizer = Muon(0.02, **options)
    optimizer.build(model.trainable_variables)
    return [
        path.removeprefix("net/")
        for path in (v.path for v in model.trainable_variables)
        if path not in optimizer.by_adam
    ]


def test_kernels_but_the_last_are_muons(model):
    assert by_muon(model) == ["conv/kernel", "middle/kernel"]


def test_or_but_those_that_are_named(model):
    named = by_muon(model, adam_paths=["net/conv/kernel"])
    assert named == ["middle/kernel", "head/kernel"]
    assert "head/kernel" in by_muon(model, adam_paths=())


def test_a_misspelt_path_is_an_error(model):
    with pytest.raises(ValueError, match="Received: adam_paths of conv$"):
        by_muon(model, adam_paths=["conv"])


def test_the_rest_moves_as_by_adamw(model):
    """At the ratio of the rates; also under a factor of its own."""
    weights = model.trainable_variables
    start = [ops.convert_to_numpy(v).copy() for v in weights]
    random = np.random.RandomState(0)
    gradients = [
        random.normal(size=v.shape).astype(np.float32) for v in weights
    ]

    def steps(optimizer):
        optimizer.build(weights)
        for _ in range(3):
            optimizer.apply(
                [ops.convert_to_tensor(g) for g in gradients], weights
            )
        moved = [
            ops.convert_to_numpy(v) - old
            for v, old in zip(weights, start, strict=True)
        ]
        for weight, old in zip(weights, start, strict=True):
            weight.assign(old)
        return dict(zip([v.path for v in weights], moved, strict=True))

    factors = {"net/head/kernel": 0.5}
    muon = steps(
        Muon(0.02, weight_decay=0.1, adam_ratio=0.25, rate_factors=factors)
    )
    adamw = steps(AdamW(0.005, weight_decay=0.1, rate_factors=factors))
    for path in muon:
        alike = np.allclose(muon[path], adamw[path], rtol=1e-5, atol=1e-6)
        assert alike == (path not in ("net/conv/kernel", "net/middle/kernel"))
