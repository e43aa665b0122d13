"""effective.json: what really applied."""

import json

import pytest


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
