"""--policy's text: what it stands for, and what it says when it does not."""

import subprocess
import sys

import pytest

from kerastricks.data.policies import (
    AugMix,
    AutoAugment,
    KerasCv,
    RandAugment,
    ThreeAugment,
    TrivialAugment,
    create,
)
from kerastricks.errors import InputError


@pytest.mark.parametrize(
    "text, policy",
    [
        ("", None),
        ("autoaugment", AutoAugment("imagenet")),
        ("autoaugment-imagenet", AutoAugment("imagenet")),
        ("autoaugment-cifar", AutoAugment("cifar")),
        ("autoaugment-svhn", AutoAugment("svhn")),
        ("randaugment", RandAugment(2, 9)),
        ("randaugment-n3", RandAugment(3, 9)),
        ("randaugment-m15-n1", RandAugment(1, 15)),
        ("trivialaugment", TrivialAugment()),
        ("augmix", AugMix(3, 3, 0)),
        ("augmix-s5-w2-d1", AugMix(5, 2, 1)),
        ("3augment", ThreeAugment()),
        ("keras_cv:GridMask", KerasCv("GridMask")),
    ],
)
def test_text_stands_for_a_policy(text, policy):
    assert create(text) == policy


@pytest.mark.parametrize(
    "text, message",
    [
        ("randaug", r"mean randaugment-n2-m9\?. Received: policy=randaug"),
        ("Trivialaugment", "mean trivialaugment"),
        ("zzz", r"or empty. Received: policy=zzz"),
        ("rand-m9-n2", "timm's rand-mM-nN is another law"),
        ("randaugment-n2-m31", "m from 0 to 30. Received: n=2, m=31"),
        ("randaugment-n0", "n of at least 1"),
        ("randaugment-n2-n3", "each once"),
        ("randaugment-x2", "-nNUMBER and -mNUMBER"),
        ("randaugment-m9.5", "-nNUMBER and -mNUMBER"),
        ("trivialaugment-m9", "takes nothing"),
        ("autoaugment-mnist", "imagenet, cifar, svhn. Received: mnist"),
        ("augmix-s11", "s from 1 to 10"),
        ("keras_cv:", "keras_cv:Name"),
    ],
)
def test_wrong_text_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        create(text)


def test_keras_cv_is_not_imported_for_our_own_policies():
    script = (
        "import sys\n"
        "from kerastricks.data import policies\n"
        "policies.create('randaugment-n2-m9')\n"
        "print('keras_cv' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
