"""From --finetune to the recipe that it stands for, and what then learns."""

import json
import re
import shutil

import keras
import numpy as np
import pytest

from kerastricks import build, flags, train
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.finetuning import expanded, source_classes

MODEL = {"model": "resnet10_d", "width": 0.125, "pool": "concat"}


@pytest.fixture
def source(tmp_path):
    """The folder of a run on small images: two of three classes differ."""
    recipe = Recipe(
        **MODEL, dropout=0.3, normalize="1,2,3/4,5,6", learning_rate=3.0
    )
    (tmp_path / "recipe.flags").write_text(flags.recipe_text(recipe))
    names = ["blue", "cyan", "pink"]
    about = {"data": {"image_size": 32, "class_names": names}}
    (tmp_path / "effective.json").write_text(json.dumps(about))
    model = build.classifier(recipe, 3, 32, "float32")
    for variable in model.trainable_variables:
        variable.assign(variable + 0.5)
    model.save_weights(tmp_path / "best.weights.h5")
    return tmp_path


def changed(recipe):
    """What is not as it is by default."""
    usual = Recipe().values()
    values = recipe.values()
    return {name: v for name, v in values.items() if v != usual[name]}


def test_a_run_brings_its_network_weights_and_eyes(source):
    found = expanded(Recipe(finetune=str(source), epochs=7, dropout=0.1))
    assert changed(found) == {
        **MODEL,
        "stem": "small",  # by the size of the images it was trained on
        "normalize": "1,2,3/4,5,6",
        "image_size": 32,
        "init_weights": str(source / "best.weights.h5"),
        "finetune": str(source),
        "epochs": 7,
        "dropout": 0.1,
    }
    assert expanded(found) == found  # a resumed run has it all already


def test_another_size_but_no_other_network(source):
    found = expanded(Recipe(finetune=str(source), image_size=48))
    assert found.data.image_size == 48
    message = r"finetune brings width=0.125 along.*Received: width=0.5, finetun"
    with pytest.raises(InputError, match=message):
        expanded(Recipe(finetune=str(source), width=0.5))


def test_the_default_is_refused_where_it_was_said(source):
    """The source's network has another width than networks have unasked."""
    recipe = Recipe(finetune=str(source), width=1.0)
    assert expanded(recipe).model.width == 0.125
    with pytest.raises(InputError, match="width=0.125 along.*Received: width"):
        expanded(recipe, {"width", "finetune"})
    said = [f"--finetune={source}", "--width=1", "--epochs=3"]
    assert flags.parse_said(said, "")[1] == {"finetune", "width", "epochs"}
    with pytest.raises(InputError, match="finetune brings width=0.125"):
        train.main(said)


def test_a_run_goes_on_without_its_source(source, tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    recipe = Recipe(finetune=str(source), run_dir=str(run))
    begun = expanded(recipe)
    (run / "recipe.flags").write_text(flags.recipe_text(begun))
    (run / "checkpoints" / "step-00000003").mkdir(parents=True)
    shutil.rmtree(source)
    assert changed(expanded(recipe)) == changed(begun)
    again = expanded(recipe.replace(normalize="dataset"))
    assert again.augment.normalize == "dataset"


def test_a_file_and_a_zoo_model(tmp_path):
    file = tmp_path / "a.weights.h5"
    file.touch()
    found = expanded(Recipe(finetune=str(file), model="resnet50"))
    assert changed(found) == {
        "finetune": str(file),
        "init_weights": str(file),
        "model": "resnet50",
    }
    zoo = changed(expanded(Recipe(finetune="keras:MobileNet")))
    assert zoo["model"] == "keras:MobileNet"
    assert zoo["init_weights"] == "imagenet"
    assert zoo["normalize"] == "127.5,127.5,127.5/127.5,127.5,127.5"


@pytest.mark.parametrize("what", ["nothing", "a folder", "no weights"])
def test_no_source(tmp_path, source, what):
    if what == "no weights":
        (source / "best.weights.h5").unlink()
    folder = {"nothing": tmp_path / "none", "a folder": tmp_path.parent}
    path = folder.get(what, source)
    rule = {
        "nothing": "finetune names a file or folder that is not there",
        "a folder": "finetune must be the folder of a run (it holds",
        "no weights": "this run has no weights yet",
    }[what]
    with pytest.raises(InputError, match=f"{re.escape(rule)}.*Received: "):
        expanded(Recipe(finetune=str(path)))


@pytest.mark.parametrize("names", ["same", "others"])
@pytest.mark.parametrize("new_head", [False, True])
def test_the_head_is_new_for_other_classes(
    source, image_folder, names, new_head, capsys
):
    if names == "same":
        about = json.loads((source / "effective.json").read_text())
        about["data"]["class_names"] = ["blue", "green", "red"]
        (source / "effective.json").write_text(json.dumps(about))
    recipe = expanded(
        Recipe(
            finetune=str(source),
            new_head=new_head,
            batch_size=8,
            data=f"folder:{image_folder}",
            precision="float32",
        )
    )
    assert source_classes(recipe)[0] == "blue"
    model = build.network(recipe, build.data(recipe))
    fresh = build.classifier(recipe, 3, 32, "float32")
    is_new = new_head or names == "others"
    for found, first in zip(model.layers, fresh.layers, strict=True):
        for one, other in zip(
            found.trainable_variables, first.trainable_variables, strict=True
        ):
            shift = 0.0 if is_new and found.name == "head" else 0.5
            np.testing.assert_allclose(
                keras.ops.convert_to_numpy(one - other), shift, atol=1e-6
            )
    assert ("new        the head" in capsys.readouterr().out) == is_new
