"""python -m kerastricks.soup: what it averages, and the folder it writes."""

import json
import shutil

import h5py
import numpy as np
import pytest
from keras import ops

from kerastricks import evaluate, export, models, predict, soup
from kerastricks.config import Recipe
from kerastricks.errors import InputError
from kerastricks.evaluation import softmax, summarize
from kerastricks.run_dir import RunDir
from kerastricks.training.checkpoint import read_checkpoint


@pytest.fixture(scope="module")
def runs(finished, tmp_path_factory):
    """Two runs' folders: the finished one's weights, each a bit off."""
    root, made = tmp_path_factory.mktemp("ingredients"), []
    for seed, name in enumerate("ab"):
        made.append(root / name)
        shutil.copytree(finished.run_dir, made[-1])
        random = np.random.RandomState(seed)
        with h5py.File(made[-1] / "best.weights.h5", "r+") as file:
            for value in floats(file).values():
                value[...] *= random.uniform(0.8, 1.2, value.shape)
    return made


@pytest.fixture(scope="module")
def uniform(runs, tmp_path_factory):
    """(its folder, soup.json) of both."""
    target = tmp_path_factory.mktemp("soups") / "new" / "uniform"
    cook(runs, target)
    return target, json.loads((target / "soup.json").read_text())


def cook(runs, target, *more):
    names = ",".join(map(str, runs))
    soup.main([f"--run_dirs={names}", f"--output={target}", *more])


def floats(file):
    found = {}

    def visit(path, item):
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            found[path] = item

    file.visititems(visit)
    return found


def weights(folder):
    with h5py.File(folder / "best.weights.h5") as file:
        return {
            path: item[()].astype(np.float64)
            for path, item in floats(file).items()
        }


def judged(folder):
    """(logits, labels) of the validation images, the way of every command."""
    from kerastricks import build, trained
    from kerastricks.outcome import judge

    run = RunDir(folder)
    recipe = run.recipe()
    splits = build.evaluation_data(recipe)
    outcome = judge(recipe, trained.load(recipe, run), splits)
    return outcome.logits, outcome.labels


def test_weights_and_statistics_are_the_means(runs, uniform):
    parts, mean = [weights(run) for run in runs], weights(uniform[0])
    assert len(mean) > 40
    for path, value in mean.items():
        expected = np.mean([part[path] for part in parts], axis=0)
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-9)
    assert any((parts[0][p] != mean[p]).any() for p in mean)


def test_the_table_has_what_each_is_worth(runs, uniform):
    folder, record = uniform
    logits, labels = zip(*map(judged, [*runs, folder]), strict=True)
    rows = list(record["table"].values())
    for row, said in zip(rows[:3], logits, strict=True):
        assert row == pytest.approx(summarize(said, labels[0]), abs=1e-6)
    chances = np.mean([softmax(said) for said in logits[:2]], axis=0)
    assert rows[3] == pytest.approx(
        summarize(np.log(chances), labels[0]), abs=1e-6
    )
    assert list(record["table"]) == [
        *map(str, runs),
        "soup of 2",
        "ensemble of 2",
    ]


@pytest.mark.slow
def test_the_folder_serves_as_a_run(uniform, finished, image_folder, capsys):
    folder, record = uniform
    result = json.loads((folder / "result.json").read_text())
    for name, value in record["table"]["soup of 2"].items():
        assert result[name] == pytest.approx(value, abs=1e-9)
    assert set(finished.values) == set(result)
    assert result["steps"] == 0 and result["best_weights"] == "soup"
    temperature = json.loads((folder / "calibration.json").read_text())
    assert temperature["temperature"] == result["temperature"]
    about = json.loads((folder / "effective.json").read_text())
    assert about["soup"]["used"] == record["used"]
    evaluate.main([f"--run_dir={folder}", "--grad_cam=0"])
    assert (folder / "evaluation" / "report.html").is_file()
    picture = image_folder / "val" / "red" / "00.jpg"
    predict.main([f"--run_dir={folder}", str(picture)])
    assert "red" in capsys.readouterr().out
    export.main([f"--run_dir={folder}", f"--output={folder.parent / 'x'}"])
    assert (folder.parent / "x" / "saved_model.pb").is_file()
    model = models.create(
        "resnet10_d", num_classes=3, width=0.125, stem="small"
    )
    models.init_from(model, folder / "best.weights.h5")
    value = ops.convert_to_numpy(model.get_layer("head").bias)
    stored = [v for v in weights(folder).values() if v.shape == (3,)]
    assert any((v == value).all() for v in stored)
    left = {path.name for path in folder.parent.iterdir()}
    assert left == {"uniform", "x"}


@pytest.mark.slow
def test_new_statistics_leave_the_rest(runs, uniform, tmp_path):
    cook(runs, tmp_path / "anew", "--recalibrate_bn=3")
    before, after = weights(uniform[0]), weights(tmp_path / "anew")
    changed = {p for p in before if (before[p] != after[p]).any()}
    norms = [p for p in before if p.endswith("vars/2")]
    assert changed == {p[:-1] + end for p in norms for end in "23"}


def test_greedy_is_no_worse_and_replaces_a_soup_only(runs, tmp_path, capsys):
    target = tmp_path / "greedy"
    target.mkdir()
    (target / "soup.json").write_text("{}")
    (target / "old.txt").touch()
    cook(runs, target, "--greedy")
    assert not (target / "old.txt").exists()
    said = capsys.readouterr().out
    record = json.loads((target / "soup.json").read_text())
    top1 = [row["top1"] for row in record["table"].values()]
    assert top1[2] >= max(top1[:2])
    assert record["kind"] == "greedy" and 1 <= len(record["used"]) <= 2
    assert f"soup of {len(record['used'])}" in said
    with pytest.raises(InputError, match="a soup to replace"):
        cook(runs, runs[0])


@pytest.mark.slow
def test_checkpoints_of_one_run(runs, tmp_path):
    target = tmp_path / "late"
    cook(runs[:1], target, "--checkpoints")
    steps = sorted((runs[0] / "checkpoints").glob("step-*"))
    kept = [read_checkpoint(step).variables for step in steps]
    assert len(kept) == 2
    mean = weights(target)
    for end, like in (("head/kernel", (3,)), ("head/bias", ())):
        (name,) = [
            n for n in kept[0] if n.startswith("weight/") and n.endswith(end)
        ]
        expected = np.mean([one[name] for one in kept], axis=0)
        assert expected.shape[1:] == like
        matching = [v for v in mean.values() if v.shape == expected.shape]
        assert any(np.allclose(v, expected, atol=1e-7) for v in matching)
    record = json.loads((target / "soup.json").read_text())
    assert record["used"] == [step.name for step in steps]
    said, labels = judged(target)
    table = record["table"]["soup of 2"]
    assert table == pytest.approx(summarize(said, labels), abs=1e-6)


ABOUT = {
    "data": {
        "image_size": 32,
        "mean": [1.0, 2.0, 3.0],
        "std": [4.0, 5.0, 6.0],
        "multi_label": False,
        "class_names": ["a", "b"],
        "sha256": "0",
    }
}


def about(**changes):
    return {"data": ABOUT["data"] | changes}


@pytest.mark.parametrize(
    "recipe, data, said",
    [
        ({"model": "resnet34_d"}, {}, "model=resnet34_d .there: resnet18_d"),
        ({"width": 0.5}, {}, r"width=0\.5 .there: 1\.0"),
        ({"model": "wrn16_8"}, {}, "stem=None .there: small"),
        ({}, {"image_size": 64}, "image_size=64 .there: 32"),
        ({}, {"mean": [1.0, 2.0, 9.0]}, r"mean=1\.0,2\.0,9\.0"),
        ({}, {"class_names": ["b", "a"]}, "class_names=b a .there: a b"),
        ({}, {"class_names": ["a", "b", "c"]}, "classes=3 .there: 2"),
        ({}, {"multi_label": True}, "multi_label=true"),
    ],
)
def test_unlike_runs_are_refused_with_what_differs(recipe, data, said):
    folders = [RunDir("a"), RunDir("b")]
    recipes = [Recipe(), Recipe(**recipe)]
    with pytest.raises(InputError, match=said):
        soup.refuse_unlike(folders, recipes, [ABOUT, about(**data)])


def test_training_may_differ():
    other = Recipe(model="resnet18d", dropout=0.1, drop_path=0.1, mixup=0.2)
    soup.refuse_unlike(
        [RunDir("a"), RunDir("b")], [Recipe(), other], [ABOUT, ABOUT]
    )


def test_what_makes_a_soup_doubtful_is_said():
    same = [Recipe(init_weights="a.weights.h5")] * 2
    assert soup.found_doubts(same, [ABOUT, ABOUT]) == []
    assert soup.found_doubts([Recipe()], [ABOUT]) == []
    tuned = [Recipe(finetune="runs/a", seed=seed) for seed in (1, 1, 2)]
    assert soup.found_doubts(tuned[:2], [ABOUT, ABOUT]) == []
    (said,) = soup.found_doubts(tuned[1:], [ABOUT, ABOUT])
    assert "heads of their own" in said
    (said,) = soup.found_doubts([Recipe()] * 2, [ABOUT, ABOUT])
    assert "same trained weights" in said
    other = [same[0], Recipe(init_weights="b.weights.h5")]
    both = soup.found_doubts(other, [ABOUT, about(sha256="1")])
    assert len(both) == 2 and "different data or splits" in both[1]


@pytest.mark.parametrize(
    "argv, rule",
    [
        (["--output=x"], "at least two runs"),
        (["--run_dirs=RUN,RUN", "--output=x"], "each once"),
        (["--run_dirs=RUN"], "at least two runs"),
        (["--run_dirs=RUN", "--checkpoints", "--greedy"], "of a single run"),
        (["--run_dirs=RUN,/b", "--checkpoints"], "of a single run"),
        (["--run_dirs=RUN,/b", "--recalibrate_bn=-1"], "recalibrate_bn=-1"),
        (["--run_dirs=RUN,/b"], "--output=DIR"),
        (["--run_dirs=/nowhere,/b", "--output=x"], "recipe.flags"),
        (["more"], "flags only"),
    ],
)
def test_bad_flags(argv, rule, finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = str(finished.run_dir)
    with pytest.raises(InputError, match=rule):
        soup.main([word.replace("RUN", run) for word in argv])
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_need_two(finished, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(finished.run_dir, copy)
    for step in sorted((copy / "checkpoints").glob("step-*"))[1:]:
        shutil.rmtree(step)
    with pytest.raises(InputError, match="at least two"):
        cook([copy], tmp_path / "x", "--checkpoints")
