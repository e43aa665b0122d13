import pytest

from kerastricks.errors import InputError
from kerastricks.models.names import KNOBS, knobs, names, parse, spelled


def test_every_listed_name_is_read_and_listed_once():
    assert len(names()) == len(set(names()))
    for name in names():
        family, _ = parse(name)
        assert family in KNOBS


@pytest.mark.parametrize(
    "name, family, arguments",
    [
        ("resnet50", "resnet", {"depth": 50, "variant": "b"}),
        ("resnet50_v1", "resnet", {"depth": 50, "variant": "v1"}),
        ("resnet50_b", "resnet", {"depth": 50, "variant": "b"}),
        ("resnet18_d", "resnet", {"depth": 18, "variant": "d"}),
        (
            "se_resnet101_c",
            "resnet",
            {"depth": 101, "variant": "c", "squeeze_excite": True},
        ),
        (
            "resnext50_32x4d_d",
            "resnet",
            {"depth": 50, "variant": "d", "groups": 32, "group_width": 4},
        ),
        (
            "wide_resnet50_2",
            "resnet",
            {"depth": 50, "variant": "b", "group_width": 128},
        ),
        ("resnet110", "cifar_resnet", {"depth": 110}),
        ("wrn28_10", "wide_resnet", {"depth": 28, "widen": 10}),
        ("cifar_fast", "cifar_fast", {}),
    ],
)
def test_what_a_name_stands_for(name, family, arguments):
    assert parse(name) == (family, arguments)


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("resnet50d", "resnet50_d"),
        ("resnet50c", "resnet50_c"),
        ("seresnet50", "se_resnet50"),
        ("seresnet152d", "se_resnet152_d"),
        ("resnet101_v1d", "resnet101_d"),
        ("resnet50_v1b", "resnet50_b"),
        ("resnet50_v1", "resnet50_v1"),
        ("ResNet50", "resnet50"),
        ("resnext50d_32x4d", "resnext50_32x4d_d"),
        ("seresnext50_32x4d", "se_resnext50_32x4d"),
        ("wide_resnet50_2", "wide_resnet50_2"),
        ("wide_resnet28_10", "wrn28_10"),
    ],
)
def test_spellings_of_others(theirs, ours):
    assert spelled(theirs) == ours
    assert parse(theirs) == parse(ours)


@pytest.mark.parametrize(
    "name, hint",
    [
        ("resnet51_d", "resnet50_d"),
        ("resnet", ""),
        ("", ""),
        ("resnet50_e", "resnet50_d"),
        ("resnet50_32x4d", ""),
        ("resnext50", ""),
        ("resnext18_32x4d", ""),
        ("wide_resnet50", "wide_resnet50_2"),
        ("resnet20_d", ""),
        ("se_resnet20", ""),
        ("wrn28", ""),
        ("wrn27_10", "wrn28_10"),
        ("resnet50_d_", "resnet50_d"),
        ("efficientnet", ""),
        ("resnext50_0x4d", "resnext50_32x4d"),
        ("wrn28_0", "wrn28_10"),
        ("wide_resnet50_0", "wide_resnet50_2"),
    ],
)
def test_unknown_names(name, hint):
    with pytest.raises(InputError, match=rf"Received: model={name}$") as error:
        parse(name)
    assert hint in str(error.value)
    assert "python -m kerastricks.models" in str(error.value)


def test_knobs():
    assert "stem" in knobs("resnet50") and "stem" not in knobs("resnet20")
    assert knobs("cifar_fast") == {"width"}
    assert knobs("keras:ResNet50") == set()
