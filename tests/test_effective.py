"""effective.json: what really applied."""

import json

import keras
import pytest

from kerastricks import build, effective
from kerastricks.config import Recipe

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="one backend is enough"
)


def test_effective_tells_what_applies(small_recipe, finished):
    about = json.loads((finished.run_dir / "effective.json").read_text())
    assert about["data"]["class_names"] == ["blue", "green", "red"]
    assert about["data"]["mean"] == [120, 110, 100]
    # One convolution per zero gamma: four residual branches.
    assert len(about["variables"]["zero_gamma"]) == 4
    kernels = about["variables"]["decayed"]
    assert all(path.endswith("kernel") for path in kernels)
    assert not any(
        path.endswith("kernel") for path in about["variables"]["not_decayed"]
    )
    assert about["optimizer"]["peak_learning_rate"] == 1.0 * 8 / 256
    first = about["optimizer"]["learning_rate_at"][0]
    # A sixth of six epochs warms up: one epoch, 6 steps.
    assert first == {
        "epoch": 0.0,
        "learning_rate": pytest.approx(8 / 256 / 6, rel=1e-6),
    }
    assert len(about["optimizer"]["learning_rate_at"]) == 10
    assert [phase["epochs"] for phase in about["phases"]] == [4, 2]
    mixing = about["phases"][0]["augment"][-1]
    assert mixing.startswith("MixUp(alpha=0.2, ")
    assert "MixUp" not in str(about["phases"][1]["augment"])


def test_coupled_decay_is_told_in_the_others_terms(finished):
    about = json.loads((finished.run_dir / "effective.json").read_text())
    decay = about["optimizer"]["weight_decay"]
    assert decay["given"] == decay["coupled_equivalent"] == 1e-4
    assert decay["decoupled_equivalent"] == pytest.approx(1e-3)


def described(image_folder, **values):
    """effective.json's content, without a run."""
    recipe = Recipe(
        data=f"folder:{image_folder}",
        model="resnet10_d",
        width=0.125,
        image_size=16,
        batch_size=8,
        backend="tensorflow",
        precision="float32",
        **values,
    ).validate()
    splits = build.data(recipe)
    return effective.describe(recipe, splits, build.learner(recipe, splits))


@needs_tensorflow
def test_everything_a_step_does_is_told(image_folder):
    about = described(
        image_folder,
        opt="adamw",
        layer_decay=0.5,
        clip_grad=1.0,
        sam=0.05,
        ema=0.999,
        accumulate=4,
        lookahead=5,
        mixup=0.2,
        label_smoothing=0.2,
        teacher="ema",
        temperature=4.0,
    )
    told = about["optimizer"]
    assert told["law"] == "adamw" and told["micro_batches"] == 4
    assert told["clip"].startswith("Clip(amount=1.0, mode='global_norm'")
    assert told["sam"] == "Sam(rho=0.05, adaptive=False, every=1)"
    assert told["average"] == "Ema(decay=0.999, warmup=True)"
    assert told["lookahead"] == 5
    assert "times the learning rate" in told["weight_decay"]["semantics"]
    factors = [group["factors"] for group in told["learning_rate_factors"]]
    assert factors == [[0.5**k] for k in (5, 4, 3, 2, 1, 0)]
    loss = about["loss"]
    assert loss["law"] == "SoftCrossEntropy" and loss["label_smoothing"] == 0.2
    assert loss["mixing"][0].startswith("MixUp(alpha=0.2")
    assert about["teachers"] == {
        "names": ["ema"],
        "params": [],
        "cached": False,
        "temperature": 4.0,
        "law": "kl",
        "hard_weight": 0.5,
        "soft_weight": 0.5,
        "feature_weight": 0.0,
    }
    lines = effective.summary(about).splitlines()
    assert (
        "loss       SoftCrossEntropy, label smoothing 0.2, "
        "MixUp(alpha=0.2, per='batch', partner='permutation'), "
        "0.5 of it, 0.5 of T^2 kl to ema at T 4"
    ) in lines
    step = next(line for line in lines if line.startswith("step"))
    assert step.endswith(
        "lookahead every 5 steps, 4 micro-batches, "
        "learning rates times 0.0312 to 1 by depth"
    )


@needs_tensorflow
def test_a_plain_step_is_told_in_few_words(image_folder):
    about = described(
        image_folder, sgd_semantics="decoupled", weight_decay=1e-3
    )
    assert about["teachers"] is None
    assert about["optimizer"]["learning_rate_factors"] == []
    decay = about["optimizer"]["weight_decay"]
    assert decay["coupled_equivalent"] == pytest.approx(1e-4)
    assert decay["l2_regularizer_equivalent"] == pytest.approx(5e-5)
    assert not any(
        line.startswith("step") for line in effective.summary(about).split("\n")
    )
