import pathlib

import keras
import numpy as np
import pytest
from keras import layers

from kerastricks.models import create
from kerastricks.models.weights.torch_names import torch_names
from kerastricks.optimizers import layer_groups, rate_factors

# Made by tools/golden_optimizers.py.
GOLDEN = pathlib.Path(__file__).with_name("golden_optimizers.npz")


@pytest.fixture(scope="module")
def resnet50():
    return create("resnet50", num_classes=5, image_size=224, width=0.125)


@pytest.fixture(scope="module")
def wide():
    return create("wrn16_8", num_classes=3, width=0.05)


@pytest.fixture(scope="module")
def nested():
    """A backbone in a model, of names that say nothing; five kernels."""
    inner = [keras.Input((8, 8, 3))]
    for number in range(3):
        inner.append(layers.Conv2D(2, 3, use_bias=False, name=f"c{number}"))
        inner.append(layers.BatchNormalization(name=f"bias{number}"))
    backbone = keras.Sequential(inner, name="backbone")
    parts = [keras.Input((8, 8, 3)), backbone, layers.Flatten()]
    parts += [layers.Dense(4, name="d"), layers.Dense(3, name="beta")]
    return keras.Sequential(parts, name="whole")


def of_layers(groups):
    """The names of the layers of each group, in order and once."""
    return [
        list(dict.fromkeys(path.split("/")[-2] for path in group))
        for group in groups
    ]


def is_partition(model, groups):
    paths = [path for group in groups for path in group]
    return sorted(paths) == sorted(v.path for v in model.trainable_variables)


def test_layer_decay_is_timms_number_for_number(resnet50):
    golden = np.load(GOLDEN)
    scales = dict(
        zip(golden["resnet50_names"], golden["resnet50_scales"], strict=True)
    )
    names = torch_names(resnet50)
    found = rate_factors(resnet50, layer_decay=0.75)
    assert {names[path][0]: factor for path, factor in found.items()} == scales


def test_stem_stages_and_head(resnet50):
    groups = of_layers(layer_groups(resnet50))
    assert len(groups) == 6
    assert groups[0] == ["stem_1_conv", "stem_1_bn"]
    assert groups[-1] == ["head"]
    for stage in range(1, 5):
        for name in groups[stage]:
            assert name.startswith(f"stage{stage}_"), name


def test_stem_blocks_and_head(resnet50):
    groups = of_layers(layer_groups(resnet50, fine=True))
    assert len(groups) == 1 + 3 + 4 + 6 + 3 + 1
    assert {name[:13] for name in groups[4]} == {"stage2_block1"}
    assert {name[:13] for name in groups[-2]} == {"stage4_block3"}
    assert "stage2_block1_down_bn" in groups[4]


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("model", ["resnet50", "wide", "nested"])
def test_every_variable_is_in_one_group(model, fine, request):
    model = request.getfixturevalue(model)
    assert is_partition(model, layer_groups(model, fine))


def test_the_last_norm_goes_with_the_head(wide):
    groups = of_layers(layer_groups(wide, fine=True))
    assert len(groups) == 1 + 6 + 1
    assert groups[-1] == ["end_bn", "head"]


def test_squeeze_excite_lies_in_its_block():
    model = create("se_resnet18", num_classes=3, image_size=32, width=0.125)
    groups = layer_groups(model, fine=True)
    assert is_partition(model, groups)
    inside = [path for path in groups[1] if "se" in path]
    assert len(inside) == 4


def test_the_fast_network_has_three_stages():
    model = create("cifar_fast", width=0.125)
    for fine in (False, True):
        groups = of_layers(layer_groups(model, fine))
        assert [group[0] for group in groups] == [
            "whiten",
            "group1_1_conv",
            "group2_1_conv",
            "group3_1_conv",
            "head",
        ]


@pytest.mark.traced
def test_other_networks_are_cut_by_their_kernels(nested):
    assert of_layers(layer_groups(nested)) == [
        ["c0", "bias0"],
        ["c1", "bias1"],
        ["c2", "bias2"],
        ["d"],
        ["beta"],
    ]


@pytest.mark.parametrize(
    "kernels, coarse, fine",
    [
        (1, [1], [1]),
        (2, [1, 1], [1, 1]),
        (3, [1, 1, 1], [1, 1, 1]),
        (12, [1, 3, 3, 2, 2, 1], [1] * 12),
        (28, [1, 7, 7, 6, 6, 1], [1, 3, 3] + [2] * 10 + [1]),
    ],
)
def test_equal_shares(kernels, coarse, fine):
    parts = [layers.Dense(2, use_bias=False) for _ in range(kernels)]
    model = keras.Sequential([keras.Input((2,)), *parts])
    for how, expected in ((False, coarse), (True, fine)):
        assert [len(group) for group in layer_groups(model, how)] == expected


@pytest.mark.traced
def test_frozen_groups_keep_their_place(nested):
    nested.get_layer("backbone").trainable = False
    try:
        assert of_layers(layer_groups(nested)) == [[], [], [], ["d"], ["beta"]]
        found = rate_factors(nested, lr_groups=(1e-4, 1e-3, 1e-2))
    finally:
        nested.get_layer("backbone").trainable = True
    factors = {path.split("/")[-2]: found[path] for path in found}
    assert factors == pytest.approx({"d": 0.1, "beta": 1.0})


class Token(keras.Model):
    """A variable of the model's own beside two layers."""

    def __init__(self):
        super().__init__()
        self.token = self.add_weight(shape=(2,), name="token")
        self.first, self.last = layers.Dense(2), layers.Dense(2)

    def call(self, x):
        return self.last(self.first(x) + self.token)


@pytest.mark.traced
def test_a_models_own_variables_go_with_the_stem():
    model = Token()
    model(np.ones((1, 2), np.float32))
    groups = layer_groups(model)
    assert is_partition(model, groups)
    assert [len(group) for group in groups] == [3, 2]
    assert model.token.path in groups[0]


@pytest.mark.parametrize(
    "rates, expected",
    [
        ((3.0,), [1.0] * 6),
        ((1e-4, 1e-2), [0.01] * 3 + [1.0] * 3),
        ((1e-4, 1e-3, 1e-2), [0.01, 0.01, 0.1, 0.1, 1.0, 1.0]),
        ((1, 2, 4, 8), [1 / 8, 1 / 8, 1 / 4, 1 / 4, 1 / 2, 1.0]),
        ((2, 1, 1, 1, 1, 1), [2.0] + [1.0] * 5),
    ],
)
def test_rates_are_spread_over_the_stages(resnet50, rates, expected):
    found = rate_factors(resnet50, lr_groups=rates)
    for group, factor in zip(layer_groups(resnet50), expected, strict=True):
        assert [found[path] for path in group] == pytest.approx(
            [factor] * len(group)
        )


@pytest.mark.traced
def test_bias_rate_goes_by_the_layer_not_the_name(nested):
    found = rate_factors(nested, bias_lr=8.0)
    raised = {path for path, factor in found.items() if factor == 8}
    assert raised == {
        v.path
        for layer in (*nested.get_layer("backbone").layers, *nested.layers)
        for v in (getattr(layer, "bias", None), getattr(layer, "beta", None))
        if isinstance(v, keras.Variable)
    }
    assert len(raised) == 5
    assert set(found.values()) == {1.0, 8.0}


def test_factors_multiply(resnet50):
    found = rate_factors(resnet50, 0.5, (0.1, 1.0), 2.0)
    # 17 blocks behind the stem; the stem is of the lower rate
    assert found["stem_1_conv/kernel"] == pytest.approx(0.5**17 * 0.1)
    assert found["stem_1_bn/beta"] == pytest.approx(0.5**17 * 0.2)
    assert found["head/kernel"] == 1.0
    assert found["head/bias"] == 2.0


def test_without_knobs_all_factors_are_one(resnet50):
    found = rate_factors(resnet50)
    assert list(found) == [v.path for v in resnet50.trainable_variables]
    assert set(found.values()) == {1.0}


@pytest.mark.parametrize("rates", [(1.0,) * 7, (0.0, 1.0), (1.0, -1.0)])
def test_bad_rates(resnet50, rates):
    with pytest.raises(ValueError, match="at most 6 positive.*lr_groups=\\("):
        rate_factors(resnet50, lr_groups=rates)


def test_two_variables_of_one_path_are_refused():
    def half(name):
        images = keras.Input((2,))
        return keras.Model(
            images, layers.Dense(2, name="same")(images), name=name
        )

    model = keras.Sequential([keras.Input((2,)), half("a"), half("b")])
    if len({v.path for v in model.trainable_variables}) == 4:
        pytest.skip("this Keras gives them paths of their own")
    assert set(rate_factors(model).values()) == {1.0}
    with pytest.raises(ValueError, match="name the layers apart.*twice"):
        rate_factors(model, bias_lr=2.0)
