"""What a card says of an export's origin."""

from kerastricks import Recipe, __version__
from kerastricks.serving import origin

SOUP = {
    "kind": "greedy",
    "of": "runs",
    "runs": ["/home/me/a", "/home/me/b", "/home/me/c"],
    "used": ["/home/me/a", "/home/me/c"],
    "recalibrate_bn": 20,
}


def test_flags_have_no_paths():
    recipe = Recipe(
        finetune="/home/me/runs/old",
        teacher="keras:ResNet50,/home/me/runs/big",
        image_size=64,
    )
    text = origin.training(recipe, {}, None)
    assert "--finetune=old\n" in text
    assert "--teacher=keras:ResNet50,big\n" in text
    assert "--image_size=64" in text and "/home" not in text


def test_both_versions_are_told():
    result = {"versions": {"kerastricks": "0.0.7"}}
    assert origin.made_by({}, result) == (
        f"Trained by kerastricks 0.0.7, exported by {__version__}."
    )
    assert origin.made_by({}, None) == f"Exported by kerastricks {__version__}."
    assert origin.made_by({"soup": SOUP}, result).startswith("Averaged by")


def test_a_soup_was_not_trained_by_its_first_run():
    text = origin.training(Recipe(epochs=9), {"soup": SOUP}, {})
    joined = " ".join(text.split())
    assert "the mean of those of 2 runs" in joined
    assert "anew from 20 training batches" in joined
    assert "--" not in text and "/home" not in text
    again = SOUP | {"of": "checkpoints", "recalibrate_bn": 0}
    text = origin.training(Recipe(), {"soup": again}, {})
    assert "2 checkpoints of one run" in " ".join(text.split())
    assert "anew" not in text
