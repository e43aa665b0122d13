"""The recipe: every knob once, checked, told apart by what it changes."""

import dataclasses
import hashlib
import math

import numpy as np
import pytest

from kerastricks.config import (
    ELSEWHERE,
    FIELD_OF,
    INSTEAD,
    SECTIONS,
    Recipe,
    broken_rules,
    class_weights,
    idle_knobs,
    leaves,
    normalization,
)
from kerastricks.errors import InputError

# Where and how fast a run is carried out, but not what it computes.
CIRCUMSTANCES = {
    "devices",
    "run_dir",
    "on_nan",
    "nan_steps",
    "data_service",
    "checkpoint_minutes",
    "checkpoint_steps",
    "keep_checkpoints",
    "export",
}


def refusal(call, *args, **values):
    """The message of the InputError that a call ends with."""
    with pytest.raises(InputError) as caught:
        call(*args, **values)
    return str(caught.value)


def test_every_leaf_has_a_name_of_its_own_and_help():
    names = [field.name for _, field in leaves()]
    assert len(set(names)) == len(names) > 30
    for _, field in leaves():
        text = field.metadata["help"]
        assert text.strip() == text and len(text) > 5, field.name


def test_sections_are_documented_and_are_the_recipes():
    fields = [field.name for field in dataclasses.fields(Recipe)]
    assert fields == list(SECTIONS)
    for name, section in SECTIONS.items():
        assert section.__doc__ and "Data(" not in section.__doc__, name


def test_defaults_pass_their_own_checks():
    default = Recipe()
    assert default.validate() is default
    assert Recipe(**default.values()) == default
    for _, field in leaves():
        assert type(default.values()[field.name]) is type(field.default)


def test_values_go_to_their_sections():
    recipe = Recipe(mixup=0.25, epochs=7, data="folder:x", run_dir="here")
    assert recipe.augment.mixup == 0.25
    assert recipe.schedule.epochs == 7
    assert recipe.data.data == "folder:x"
    assert recipe.run.run_dir == "here"
    assert recipe.model == Recipe().model


def test_replace_changes_only_what_it_is_given():
    before = Recipe(mixup=0.25, epochs=7)
    after = before.replace(epochs=9)
    assert (before.schedule.epochs, after.schedule.epochs) == (7, 9)
    changed = {
        name
        for name, value in after.values().items()
        if value != before.values()[name]
    }
    assert changed == {"epochs"}


def test_a_recipe_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().augment.mixup = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().augment = None


@pytest.mark.parametrize(
    "name, message",
    [
        ("mix_up", "no such knob. Received: mix_up. Did you mean mixup?"),
        ("lerning_rate", "lerning_rate. Did you mean learning_rate?"),
        ("qqqq", "no such knob. Received: qqqq."),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(name, message):
    assert refusal(Recipe, **{name: 1}).endswith(message)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("epochs", 1.5, "epochs must be int. Received: epochs=1.5"),
        ("epochs", True, "epochs must be int. Received: epochs=True"),
        ("epochs", "3", "epochs must be int. Received: epochs='3'"),
        ("mixup", "0.2", "mixup must be float. Received: mixup='0.2'"),
        ("mixup", False, "mixup must be float. Received: mixup=False"),
        ("mixup", None, "mixup must be float. Received: mixup=None"),
        ("nesterov", 1, "nesterov must be bool. Received: nesterov=1"),
        ("data", 3, "data must be str. Received: data=3"),
        ("crop_area", 0.5, "crop_area must be 2 numbers. Received: crop_a"),
        ("crop_area", (0.5,), "crop_area must be 2 numbers. Received: crop"),
        ("crop_area", ("a", "b"), "crop_area must be 2 numbers. Received: c"),
        ("crop_area", "0,1", "crop_area must be 2 numbers. Received: crop_a"),
    ],
)
def test_wrong_type_is_refused(name, value, message):
    assert refusal(Recipe, **{name: value}).startswith(message)


def test_whole_numbers_serve_as_floats_and_lists_as_tuples():
    recipe = Recipe(mixup=1, crop_area=[1, 1])
    assert type(recipe.augment.mixup) is float
    assert recipe.data.crop_area == (1.0, 1.0)
    assert [type(number) for number in recipe.data.crop_area] == [float] * 2
    assert recipe == Recipe(mixup=1.0, crop_area=(1.0, 1.0))
    assert recipe.sha256() == Recipe(mixup=1.0, crop_area=(1.0, 1.0)).sha256()


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("epochs", 0, "epochs must be in [1, inf]. Received: epochs=0"),
        ("flip", 1.01, "flip must be in [0, 1]. Received: flip=1.01"),
        ("flip", math.nan, "flip must be a finite number. Received: flip=nan"),
        ("seed", -1, "seed must be in [0, 2.14748e+09]. Received: seed=-1"),
        ("warmup_epochs", -2, "warmup_epochs must be in [-1, inf]. Received: "),
        ("crop_area", (0.1, 1.1), "crop_area must be in [0, 1]. Received: "),
        ("train_crop", "c", "train_crop must be one of rrc, pad, resize"),
        ("cache", "", "cache must be one of none, ram, disk. Received: cache="),
    ],
)
def test_value_out_of_range_is_refused(name, value, message):
    assert refusal(Recipe, **{name: value}).startswith(message)


@pytest.mark.parametrize("given", [0.4, (0.4,), [0.4], (0.4, 0.4, 0.4)])
def test_one_strength_stands_for_three(given):
    assert Recipe(color_jitter=given).augment.color_jitter == (0.4, 0.4, 0.4)
    several = Recipe(color_jitter=(0.8, 0.4, 0))
    assert several.augment.color_jitter == (0.8, 0.4, 0.0)
    assert "must be 3 numbers, or one for all. " in refusal(
        Recipe, color_jitter=(0.4, 0.4)
    )
    assert "must be 2 numbers" in refusal(Recipe, crop_area=0.5)


@pytest.mark.parametrize("name", FIELD_OF)
def test_bounds_are_inclusive_and_kept(name):
    about, default = FIELD_OF[name].metadata, FIELD_OF[name].default
    several = isinstance(default, tuple)
    kind = type(default[0] if several else default)
    for bound, step in (("low", -1), ("high", 1)):
        if kind in (int, float) and math.isfinite(about[bound]):
            for value, refused in ((about[bound], 0), (about[bound] + step, 1)):
                count = len(default) if several else 1
                given = (kind(value),) * count if several else kind(value)
                if refused:
                    assert "must be in [" in refusal(Recipe, **{name: given})
                else:
                    assert Recipe(**{name: given}).values()[name] == given


@pytest.mark.parametrize(
    "values, message",
    [
        (
            {"sample_fraction": 0.0},
            "sample_fraction must be above 0. Received: sample_fraction=0.0",
        ),
        (
            {"crop_area": (0.5, 0.4)},
            "crop_area must be 0 < smallest <= largest. "
            "Received: crop_area=(0.5, 0.4)",
        ),
        (
            {"crop_area": (0.0, 1.0)},
            "crop_area must be 0 < smallest <= largest. "
            "Received: crop_area=(0.0, 1.0)",
        ),
        (
            {"crop_aspect": (2.0, 1.0)},
            "crop_aspect must be 0 < smallest <= largest. "
            "Received: crop_aspect=(2.0, 1.0)",
        ),
        (
            {"warmup_epochs": 3.5, "epochs": 3},
            "the warm-up must not be longer than the run. "
            "Received: warmup_epochs=3.5, epochs=3",
        ),
        (
            {"warmup_epochs": -0.5},
            "warmup_epochs must be -1 or at least 0. "
            "Received: warmup_epochs=-0.5",
        ),
        (
            {"mix_off_epochs": 2},
            "mix_off_epochs needs a mixing trick to switch off. "
            "Received: mix_off_epochs=2, mixup=0.0, cutmix=0.0, ricap=0.0",
        ),
        (
            {"flip_mode": "alternate", "flip": 0.3},
            "flips that alternate are half of all: flip=0.5. "
            "Received: flip_mode=alternate, flip=0.3",
        ),
        (
            {"flip_mode": "alternate", "repeat_augment": 3},
            "flips that alternate need every image once an epoch. Received: "
            "flip_mode=alternate, repeat_augment=3, sampler=uniform",
        ),
        (
            {"cutout": 1},
            "cutout must be 0 or at least 2. Received: cutout=1",
        ),
        (
            {"mixup": 0.2, "mix_prob": 0.0},
            "mix_prob must be above 0 to mix at all. Received: mix_prob=0.0, "
            "mixup=0.2, cutmix=0.0, ricap=0.0",
        ),
        (
            {"cutmix": 1.0, "mix_partner": "roll", "repeat_augment": 3},
            "mix_partner=roll mixes an image with itself where a batch repeats "
            "it. Received: mix_partner=roll, repeat_augment=3",
        ),
        (
            {"blur_sigma": (2.0, 1.0)},
            "blur_sigma must be 0 < smallest <= largest. "
            "Received: blur_sigma=(2.0, 1.0)",
        ),
        (
            {"mix_off_epochs": 4, "epochs": 4, "mixup": 0.2},
            "mixing must be on for at least one epoch. "
            "Received: mix_off_epochs=4, epochs=4",
        ),
        (
            {"mix_off_epochs": 1, "epochs": 1, "mixup": 0.2},
            "mixing must be on for at least one epoch. "
            "Received: mix_off_epochs=1, epochs=1",
        ),
        (
            {"momentum": 0.0},
            "nesterov needs momentum. Received: nesterov=True, momentum=0.0",
        ),
        (
            {"normalize": "imagnet"},
            "normalize must be imagenet, dataset, none or three means and "
            "three positive deviations as r,g,b/r,g,b. "
            "Received: normalize=imagnet",
        ),
        (
            {"class_weights": "1,-1"},
            "class_weights must be balanced or a number of at least 0 for "
            "each class as w0,w1,... Received: class_weights=1,-1",
        ),
        (
            {"repeat_augment": 5, "batch_size": 4},
            "a batch must have room for the repetitions of an image. "
            "Received: repeat_augment=5, batch_size=4",
        ),
        (
            {"data_service": "a:1", "cache": "ram"},
            "a tf.data service reads the files by itself, without a cache. "
            "Received: data_service=a:1, cache=ram",
        ),
        (
            {"freeze_bn": True},
            "batch norm can only be frozen at weights that are given. "
            "Received: freeze_bn=True, finetune=, init_weights=",
        ),
    ],
)
def test_contradiction_is_refused_with_the_rule_and_the_values(values, message):
    assert refusal(Recipe(**values).validate) == message


@pytest.mark.parametrize(
    "values",
    [
        {"crop_area": (0.5, 0.5), "crop_aspect": (1.0, 1.0)},
        {"warmup_epochs": 3.0, "epochs": 3},
        {"warmup_epochs": 0.0},
        {"mix_off_epochs": 3, "epochs": 4, "mixup": 0.2},
        {"momentum": 0.0, "nesterov": False},
        {"epochs": 1},
        {"normalize": "dataset"},
        {"class_weights": "balanced"},
        {"class_weights": "0,1.5,2"},
        {"freeze_bn": True, "init_weights": "a.weights.h5"},
    ],
)
def test_what_only_looks_like_a_contradiction_passes(values):
    assert list(broken_rules(Recipe(**values))) == []


# Identity


def test_identity_is_all_but_the_circumstances():
    recipe = Recipe()
    assert set(recipe.values()) - set(recipe.identity()) == CIRCUMSTANCES


@pytest.mark.parametrize("name", FIELD_OF)
def test_hash_follows_the_identity(name):
    field = FIELD_OF[name]
    others = {
        bool: lambda value: not value,
        int: lambda value: value + 1,
        float: lambda value: (
            value * 0.5 if value == field.metadata["high"] else value + 0.01
        ),
        tuple: lambda value: (value[0], value[1] * 0.75 + 0.01, *value[2:]),
        str: lambda value: (field.metadata["choices"] or ("other",))[-1],
    }
    other = others[type(field.default)](field.default)
    changed = Recipe(**{name: other})
    assert changed != Recipe()
    same = changed.sha256() == Recipe().sha256()
    assert same == (name in CIRCUMSTANCES)


def test_hash_is_that_of_the_identitys_repr_in_order():
    recipe = Recipe(crop_aspect=(3 / 4, 4 / 3), weight_decay=5e-5)
    identity = recipe.identity()
    assert list(identity) == [
        name for name in FIELD_OF if name not in CIRCUMSTANCES
    ]
    text = ", ".join(f"{name!r}: {value!r}" for name, value in identity.items())
    assert "'crop_aspect': (0.75, 1.3333333333333333)" in text
    expected = hashlib.sha256(f"{{{text}}}".encode()).hexdigest()
    assert recipe.sha256() == expected


# What is computed from the knobs


@pytest.mark.parametrize(
    "given, epochs, expected",
    [(-1.0, 30, 5.0), (-1.0, 12, 2.0), (-1.0, 120, 5.0), (0, 30, 0), (2, 9, 2)],
)
def test_warmup(given, epochs, expected):
    recipe = Recipe(warmup_epochs=given, epochs=epochs)
    assert recipe.warmup_epochs() == expected


@pytest.mark.parametrize(
    "scaling, batch_size, expected",
    [("linear", 256, 0.4), ("linear", 64, 0.1), ("none", 64, 0.4)],
)
def test_peak_learning_rate(scaling, batch_size, expected):
    recipe = Recipe(
        learning_rate=0.4, lr_scaling=scaling, batch_size=batch_size
    )
    assert recipe.peak_learning_rate() == pytest.approx(expected, rel=1e-15)


def test_imagenet_normalization_is_torchvisions_times_255():
    mean, std = normalization("imagenet")
    expected = 255 * np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    np.testing.assert_allclose([mean, std], expected, rtol=1e-12)


def test_normalization_by_text():
    assert normalization("none") == ((0.0,) * 3, (255.0,) * 3)
    given = normalization("1,2.5,-3/4, 5,6e1")
    assert given == ((1.0, 2.5, -3.0), (4.0, 5.0, 60.0))


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3/4,5", "1,2/4,5,6", "1,2,3/4,0,6", "1,2,3/4,5,-6"]
    + ["1,2,x/4,5,6", "1,2,3/4,5,6/7,8,9", "ImageNet"]
    + ["1,2,3/4,nan,6", "1,nan,3/4,5,6", "1,2,3/4,inf,6"],
)
def test_normalization_refuses(text):
    message = refusal(normalization, text)
    assert message.endswith(f"Received: normalize={text}")


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_numbers_must_be_finite(value):
    with pytest.raises(InputError, match="learning_rate must be a finite n"):
        Recipe(learning_rate=value)


@pytest.mark.parametrize(
    "values, lines",
    [
        ({}, []),
        ({"train_crop": "center"}, []),
        (
            {"train_crop": "center", "crop_area": (0.5, 1.0)},
            ["crop_area=(0.5, 1.0) has no effect with train_crop=center"],
        ),
        ({"crop_area": (0.5, 1.0)}, []),
        (
            {"val_fraction": 0.2},
            ["val_fraction=0.2 has no effect with data=shapes"],
        ),
        ({"val_fraction": 0.2, "data": "folder:x"}, []),
        (
            {"decode_scale": False, "cache": "ram", "crop_padding": 2},
            [
                "crop_padding=2 has no effect with train_crop=rrc",
                "decode_scale=False has no effect with cache=ram",
            ],
        ),
        ({"train_crop": "pad", "crop_padding": 2, "crop_fill": "reflect"}, []),
        (
            {"data": "arrays:x.npz", "cache": "ram"},
            ["cache=ram has no effect with data=arrays"],
        ),
        (
            {"flip": 0.0, "flip_mode": "alternate", "blur_sigma": (1.0, 3.0)},
            [
                "flip_mode=alternate has no effect with flip=0",
                "blur_sigma=(1.0, 3.0) has no effect with blur=0",
            ],
        ),
        (
            {"jitter_clip": "step", "jitter_order": "fixed", "hue": 0.1},
            [],
        ),
        (
            {"jitter_order": "fixed", "erasing_law": "paper"},
            [
                "jitter_order=fixed has no effect with neither color_jitter "
                "nor hue",
                "erasing_law=paper has no effect with erasing=0",
            ],
        ),
        (
            {"erasing_fill": "noise", "grid_mask_ratio": 0.5},
            [
                "erasing_fill=noise has no effect with erasing=0",
                "grid_mask_ratio=0.5 has no effect with grid_mask=0",
            ],
        ),
        (
            {"mix_prob": 0.5, "mix_per": "sample"},
            [
                "mix_prob=0.5 has no effect with no mixing trick",
                "mix_per=sample has no effect with no mixing trick",
            ],
        ),
        (
            {"jitter_order": "fixed", "hue": 0.1},
            ["jitter_order=fixed has no effect with jitter_clip=end"],
        ),
        (
            {"mixup": 0.2, "cutmix": 1.0, "ricap": 0.3, "mix_switch": 0.0},
            [
                "cutmix=1.0 has no effect with mix_switch=0",
                "ricap=0.3 has no effect with mix_switch=0",
            ],
        ),
        (
            {"cutmix": 1.0, "ricap": 0.3, "mix_switch": 1.0},
            ["cutmix=1.0 has no effect with mix_switch=1"],
        ),
        (
            {"jitter_clip": "step", "cutout_holes": 2},
            [
                "jitter_clip=step has no effect with neither color_jitter nor "
                "hue",
                "cutout_holes=2 has no effect with cutout=0",
            ],
        ),
        (
            {"mixup": 0.2, "mix_switch": 0.1, "mix_partner": "roll"},
            ["mix_switch=0.1 has no effect with fewer than two mixing tricks"],
        ),
        (
            {"ricap": 0.3, "mix_partner": "roll", "mix_per": "sample"},
            [
                "mix_partner=roll has no effect with neither mixup nor cutmix",
                "mix_per=sample has no effect with ricap alone, always on",
            ],
        ),
        (
            {"ricap": 0.3, "cutmix": 1.0, "mix_switch": 0.1, "mix_prob": 0.5},
            [],
        ),
        ({"model": "resnet50", "blur_pool": True, "stem": "small"}, []),
        (
            {"model": "wrn16_8", "blur_pool": True, "dropout": 0.3},
            ["blur_pool=True has no effect with model=wrn16_8"],
        ),
        (
            {"model": "resnet20", "stem": "deep", "drop_path": 0.1},
            ["stem=deep has no effect with model=resnet20"],
        ),
        ({"model": "cifar_fast", "width": 2.0}, []),
        (
            {"model": "keras:MobileNet", "width": 2.0, "pool": "concat"},
            [
                "pool=concat has no effect with model=keras:MobileNet",
                "width=2.0 has no effect with model=keras:MobileNet",
            ],
        ),
    ],
)
def test_knobs_that_do_nothing_are_named(values, lines):
    assert idle_knobs(Recipe(**values)) == lines


def test_a_mistyped_model_is_refused_before_anything_is_read():
    message = refusal(Recipe(model="resnet19").validate)
    assert message.startswith("model must be a name that `python -m kerastr")
    assert message.endswith("Received: model=resnet19")


def test_keys_of_records_do_nothing_without_records():
    values = {"image_key": "jpg", "label_key": "y"}
    assert idle_knobs(Recipe(data="tfrecord:a*", **values)) == []
    assert idle_knobs(Recipe(**values)) == [
        f"{name}={value} has no effect with other data than tfrecord:"
        for name, value in values.items()
    ]


def test_normalization_on_0_to_1_is_refused():
    text = "0.485,0.456,0.406/0.229,0.224,0.225"
    assert refusal(normalization, text) == (
        "normalize has means and deviations on 0..255, those on 0..1 times "
        f"255. Received: normalize={text}"
    )
    assert normalization("0,0,0/1,1,1") == ((0.0,) * 3, (1.0,) * 3)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_names_of_other_projects_lead_to_ours(name):
    ours = ELSEWHERE[name]
    assert ours in FIELD_OF and name not in FIELD_OF
    assert refusal(Recipe, **{name: 1}).endswith(f"Did you mean {ours}?")


@pytest.mark.parametrize("name", INSTEAD)
def test_what_needs_no_flag_here(name):
    assert name not in FIELD_OF
    assert refusal(Recipe, **{name: 1}).endswith(f". {INSTEAD[name]}.")


def test_far_names_lead_nowhere():
    assert refusal(Recipe, patience=3) == "no such knob. Received: patience."


def test_class_weights_are_numbers():
    assert class_weights("0,1.5,2") == (0.0, 1.5, 2.0)
    for text in ("", "0,0", "nan", "1,inf", "a", "-1"):
        assert refusal(class_weights, text).endswith(f"class_weights={text}")
