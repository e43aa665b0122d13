"""What a model's name stands for; no Keras is needed to read it.

    [se_]resnet DEPTH [_v1|_b|_c|_d]     18 26 34 50 101 152 200 (and 10)
    [se_]resnext DEPTH _ GROUPS x WIDTH d [_d]
    wide_resnet DEPTH _ FACTOR [_d]
    resnet 20|32|44|56|110               for 32 px
    wrn DEPTH _ FACTOR                   for 32 px
    cifar_fast                           for 32 px

timm's and GluonCV's spellings are understood: resnet50d, seresnet50,
resnet50_v1d, resnext50_32x4d.
"""

import difflib
import re
from typing import Any

from kerastricks.errors import InputError

CIFAR_DEPTHS = (20, 32, 44, 56, 110)
BASIC_DEPTHS = (10, 18, 34)
BOTTLENECK_DEPTHS = (26, 50, 101, 152, 200)
ZOOS = ("keras:", "keras_cv:", "keras_hub:")

# What can be set of a network, by family; of a zoo's model nothing can.
BLOCKS = {"width", "activation", "spectral_norm", "drop_path", "dropout"}
BLOCKS |= {"pool", "init", "sync_bn"}
# Knobs that are about learning: weights of one value fit a network of another.
LEARNING = {"drop_path", "dropout", "zero_gamma", "init", "sync_bn"}
NORMS = {"bn_after_activation", "zero_gamma", "blur_pool"}
KNOBS = {
    "resnet": BLOCKS | NORMS | {"stem"},
    "cifar_resnet": BLOCKS | NORMS,
    "wide_resnet": BLOCKS,
    "cifar_fast": {"width"},
}

RESNET = re.compile(
    r"(?P<se>se_)?(?P<kind>resnet|resnext|wide_resnet)(?P<depth>\d+)"
    r"(_(?P<groups>[1-9]\d*)x(?P<group_width>[1-9]\d*)d|_(?P<factor>[1-9]\d*))?"
    r"(_(?P<variant>v1|b|c|d))?"
)
WRN = re.compile(r"wrn(?P<depth>\d+)_(?P<factor>[1-9]\d*)")

# (what other libraries write, what it is here)
SPELLINGS = (
    (r"^seres", "se_res"),
    (r"^(.*resne[xt]+\d+)([bcd])(_.*)?$", r"\1\3_\2"),
    (r"_v1([bcd])$", r"_\1"),
    (r"^wide_resnet(16|22|28|40)_", r"wrn\1_"),
)


def names() -> list[str]:
    """The published networks; every name that fits the grammar is taken."""
    found = ["resnet10_d"]
    for depth in sorted((*BASIC_DEPTHS[1:], *BOTTLENECK_DEPTHS)):
        plain = ["_v1"] if depth in BOTTLENECK_DEPTHS else []
        found += [f"resnet{depth}{v}" for v in ("", *plain, "_b", "_c", "_d")]
    for depth in (18, 34, 50, 101, 152):
        found += [f"se_resnet{depth}", f"se_resnet{depth}_d"]
    for design in ("50_32x4d", "101_32x4d", "101_32x8d", "101_64x4d"):
        found += [f"resnext{design}", f"resnext{design}_d"]
        found += [f"se_resnext{design}"]
    found += ["wide_resnet50_2", "wide_resnet101_2"]
    found += [f"resnet{depth}" for depth in CIFAR_DEPTHS]
    return [*found, "wrn16_8", "wrn28_10", "wrn40_2", "cifar_fast"]


def parse(name: str) -> tuple[str, dict[str, Any]]:
    """(family, its arguments) of a name.

    Example:
        parse("resnext50_32x4d")  # "resnet", {"depth": 50, "groups": 32, ...}
    """
    text = spelled(name)
    if text == "cifar_fast":
        return "cifar_fast", {}
    wrn = WRN.fullmatch(text)
    if wrn and int(wrn["depth"]) % 6 == 4 and int(wrn["depth"]) > 4:
        return "wide_resnet", {
            "depth": int(wrn["depth"]),
            "widen": int(wrn["factor"]),
        }
    found = RESNET.fullmatch(text)
    arguments = found and read_resnet(found)
    if not arguments:
        raise unknown(name)
    return arguments


def in_zoo(name: str) -> bool:
    """Whether it is another library's model."""
    return name.startswith(ZOOS)


def knobs(name: str) -> set[str]:
    """Which leaves of the recipe shape this model."""
    return set() if in_zoo(name) else KNOBS[parse(name)[0]]


def stages(name: str) -> int:
    """How many stages a network has between stem and head; 4 of other ones."""
    small = ("cifar_resnet", "wide_resnet", "cifar_fast")
    return 3 if not in_zoo(name) and parse(name)[0] in small else 4


def spelled(name: str) -> str:
    """The name as it is written here."""
    text = name.lower()
    for pattern, ours in SPELLINGS:
        text = re.sub(pattern, ours, text)
    return text


def read_resnet(found: re.Match[str]) -> tuple[str, dict[str, Any]] | None:
    """The same for the ResNets; None if there is no such network."""
    kind, depth = found["kind"], int(found["depth"])
    shaped = {
        "resnet": not found["groups"] and not found["factor"],
        "resnext": bool(found["groups"]),
        "wide_resnet": bool(found["factor"]),
    }
    if not shaped[kind]:
        return None
    if depth in CIFAR_DEPTHS:
        bare = kind == "resnet" and not (found["se"] or found["variant"])
        return ("cifar_resnet", {"depth": depth}) if bare else None
    basic = depth in BASIC_DEPTHS
    if basic and kind != "resnet":
        return None
    if not basic and depth not in BOTTLENECK_DEPTHS:
        return None
    arguments = {"depth": depth, "variant": found["variant"] or "b"}
    if found["se"]:
        arguments["squeeze_excite"] = True
    if found["groups"]:
        arguments["groups"] = int(found["groups"])
        arguments["group_width"] = int(found["group_width"])
    if found["factor"]:
        arguments["group_width"] = 64 * int(found["factor"])
    return "resnet", arguments


def unknown(name: str) -> InputError:
    """Says which names come close."""
    close = difflib.get_close_matches(spelled(name), names(), 3, 0.5)
    meant = f"; did you mean {' or '.join(close)}?" if close else "."
    return InputError(
        "model must be a name that `python -m kerastricks.models` lists, or "
        f"{', '.join(f'{zoo}NAME' for zoo in ZOOS)}{meant} "
        f"Received: model={name}"
    )
