"""Images of several classes, through a whole run and everything after it."""

import json
import shutil

import keras
import numpy as np
import pytest

import kerastricks
from kerastricks.errors import InputError
from kerastricks.run_dir import RunDir

pytestmark = pytest.mark.slow
NUMBERS = ("top1", "top5", "loss", "ece", "mean_average_precision", "f1")
COLOURS = ("blue", "green", "red")
SIDE, PATCH = 24, 9


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    """csv:FILE data: up to two coloured patches on grey noise, 96 and 32."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("patches")
    random = np.random.RandomState(0)
    rows = ["path,labels,split"]
    for i in range(128):
        image = random.randint(90, 130, (SIDE, SIDE, 3))
        names = set()
        for half in range(2 if i % 9 else 0):
            label = random.randint(3)
            names.add(COLOURS[label])
            top, left = random.randint(0, SIDE - PATCH, 2) // [1, 5]
            left += half * SIDE // 2
            patch = image[top : top + PATCH, left : left + PATCH]
            patch[:] = 20
            patch[..., 2 - label] = 240
        data = tf.io.encode_jpeg(image.astype(np.uint8), quality=95)
        (root / f"{i:03d}.jpg").write_bytes(data.numpy())
        split = "val" if i % 4 == 1 else "train"
        rows.append(f"{i:03d}.jpg,{';'.join(sorted(names))},{split}")
    (root / "patches.csv").write_text("\n".join(rows))
    return root / "patches.csv"


@pytest.fixture(scope="module")
def patched(small_recipe, patches, tmp_path_factory):
    """A run of seconds; its folder is for reading only."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("these tests need TensorFlow as Keras's backend")
    recipe = small_recipe.replace(
        data=f"csv:{patches}",
        image_size=SIDE,
        train_crop="center",
        eval_crop=1.0,
        epochs=5,
        mixup=0.0,
        mix_off_epochs=0,
        learning_rate=3.0,
        run_dir=str(tmp_path_factory.mktemp("patched") / "run"),
    )
    return kerastricks.run(recipe)


@pytest.fixture(scope="module")
def judged(patched):
    """(probabilities, labels) of the validation images."""
    from kerastricks import build, outcome, trained

    folder = RunDir(patched.run_dir)
    recipe = folder.recipe()
    found = outcome.judge(
        recipe, trained.load(recipe, folder), build.data(recipe)
    )
    return 1 / (1 + np.exp(-found.logits.astype(np.float64))), found.labels


def evaluated(folder, *arguments):
    """The content of the command's evaluation.json."""
    from kerastricks import evaluate

    evaluate.main([*arguments, f"--output={folder}"])
    return json.loads((folder / "evaluation.json").read_text())


def test_a_run_learns_to_name_both_colours(patched):
    assert list(patched.values)[:6] == list(NUMBERS)
    assert patched.mean_average_precision > 0.9
    assert patched.f1 > 0.7
    about = json.loads((patched.run_dir / "effective.json").read_text())
    assert about["data"]["multi_label"] is True
    assert about["data"]["class_names"] == list(COLOURS)


def test_the_numbers_are_those_of_the_sigmoid(patched, judged):
    chances, labels = judged
    assert labels.shape == (32, 3) and (labels.sum(axis=1) == 0).any()
    losses = -np.log(np.where(labels == 1, chances, 1 - chances))
    assert patched.loss == pytest.approx(losses.mean(), rel=1e-6)
    best = labels[np.arange(32), chances.argmax(axis=1)]
    assert patched.top1 == pytest.approx(best.mean())
    # In five of three classes there is every label of an image that has any.
    assert patched.top5 == pytest.approx(labels.any(axis=1).mean())


def test_training_validates_by_the_same_numbers(patched):
    import csv

    with open(patched.run_dir / "metrics.csv", encoding="utf-8") as file:
        row = list(csv.DictReader(file))[patched.best_epoch - 1]
    for name in ("top1", "top5", "loss"):
        found = float(row[f"val_{name}"])
        assert found == pytest.approx(patched.values[name], rel=1e-4)


def test_training_smooths_as_the_recipe_says(patched):
    from kerastricks import build
    from kerastricks.losses import BinaryCrossentropy

    recipe = RunDir(patched.run_dir).recipe().replace(label_smoothing=0.3)
    learner = build.learner(recipe, build.data(recipe))
    assert type(learner.loss) is BinaryCrossentropy
    assert learner.loss.label_smoothing == 0.3
    assert learner.multi_label


def test_evaluate_gives_the_numbers_of_the_run(patched, tmp_path, capsys):
    found = evaluated(tmp_path, f"--run_dir={patched.run_dir}")
    assert found["images"] == 32
    for name in (*NUMBERS, "f1_best", "temperature"):
        value = found["numbers"][name]
        assert value == pytest.approx(patched.values[name], abs=1e-5)
    printed = capsys.readouterr().out
    assert (
        "mean average precision  " in printed and "F1 at thresholds" in printed
    )
    assert "on 32 validation images" in printed


def test_each_class_has_the_threshold_of_its_best_f1(patched, judged, tmp_path):
    chances, labels = judged
    rows = evaluated(tmp_path, f"--run_dir={patched.run_dir}")["classes"]
    assert [row["class"] for row in rows] == list(COLOURS)
    for place, row in enumerate(rows):
        truth = labels[:, place] == 1
        scores = [f1(chances[:, place] > t / 200, truth) for t in range(200)]
        at = f1(chances[:, place] > row["threshold"], truth)
        assert row["f1_at_threshold"] == pytest.approx(at)
        assert at >= max(scores) - 1e-9
    stored = json.loads((patched.run_dir / "calibration.json").read_text())
    assert stored["thresholds"] == [row["threshold"] for row in rows]
    assert patched.f1_best >= patched.f1


def f1(claims, truth):
    return 2 * np.sum(claims & truth) / (claims.sum() + truth.sum())


def test_evaluate_takes_images_of_one_class(patched, image_folder, tmp_path):
    """Whose labels are then ones among zeros; with the run's temperature."""
    found = evaluated(
        tmp_path,
        f"--run_dir={patched.run_dir}",
        f"--data=folder:{image_folder}",
    )
    assert found["images"] == 18
    numbers = found["numbers"]
    assert numbers["top5"] == 1
    assert numbers["temperature"] == patched.temperature
    assert "mean_average_precision" in numbers


def test_a_run_of_one_class_an_image_takes_no_others(patched, tmp_path):
    from kerastricks import evaluate

    shutil.copy(patched.run_dir / "recipe.flags", tmp_path)
    about = json.loads((patched.run_dir / "effective.json").read_text())
    about["data"]["multi_label"] = False
    (tmp_path / "effective.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match="several labels, as of .*001.jpg"):
        evaluate.main([f"--run_dir={tmp_path}"])


def test_what_is_served_are_sigmoids(patched, judged, patches):
    import tensorflow as tf

    chances, _ = judged
    model = tf.saved_model.load(str(patched.run_dir / "saved_model"))
    files = [patches.parent / f"{i:03d}.jpg" for i in range(1, 128, 4)]
    data = tf.constant([file.read_bytes() for file in files])
    served = model.signatures["serve_bytes"](image_bytes=data)
    np.testing.assert_allclose(served["probabilities"], chances, atol=1e-5)
    order = np.argsort(-chances, axis=1)
    np.testing.assert_array_equal(served["top_k_indices"], order)
    np.testing.assert_allclose(
        served["top_k_probabilities"],
        np.take_along_axis(chances, order, axis=1),
        atol=1e-5,
    )
    names = np.array(COLOURS)[order].tolist()
    found = served["top_k_classes"].numpy()
    assert [[name.decode() for name in row] for row in found] == names


def test_predict_prints_the_sigmoids(patched, judged, patches, capsys):
    from kerastricks import predict

    chances = judged[0][:2]
    files = [str(patches.parent / name) for name in ("001.jpg", "005.jpg")]
    predict.main([f"--run_dir={patched.run_dir}", "--top_k=2", *files])
    expected = []
    for file, row in zip(files, chances, strict=True):
        expected.append(file)
        for place in np.argsort(-row)[:2]:
            expected.append(f"  {row[place]:7.2%}  {COLOURS[place]}")
    assert capsys.readouterr().out.splitlines() == expected


def test_the_report_is_about_labels(patched):
    html = (patched.run_dir / "report.html").read_text(encoding="utf-8")
    assert "Average precision by class, worst first" in html
    assert "Mean average precision" in html and "gives each class" in html
    assert "Confusion matrix" not in html and "Most confused" not in html


def test_a_mistake_tells_the_labels_that_it_claims():
    from kerastricks.assess.pictures import claims

    names = tuple("abcdefgh")
    found = claims(np.array([0.6, 0.5, 0.98, 0, 0.4, 0, 0.6, 0]), names)
    assert found == [("c", 0.98), ("a", 0.6), ("g", 0.6)]
    chances = np.linspace(0.6, 0.9, 8)
    assert [name for name, _ in claims(chances, names)] == list("hgfed")
    assert claims(np.full(8, 0.4), names) == []
