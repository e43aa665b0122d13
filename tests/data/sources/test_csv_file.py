"""Images listed in a text file: what is read, split and refused."""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.data import open_splits
from kerastricks.data.sources.csv_file import open_csv
from kerastricks.errors import InputError

NAMES = [f"{i}.jpg" for i in range(12)]
PLAIN = "0.jpg,cat\n1.jpg,dog\n2.jpg,cat\n3.jpg,dog\n"
SPLIT = "path,labels,split\n0.jpg,b,train\n1.jpg,a,train\n2.jpg,b,val\n"
SEVERAL = (
    "path,labels,split\n0.jpg,sea;sky,train\n1.jpg,,train\n2.jpg,;,train\n"
    "3.jpg,land; sky ;land,train\n4.jpg,sky,val\n5.jpg,,val\n"
)


@pytest.fixture
def folder(tmp_path):
    """Files that hold their own name."""
    for name in (*NAMES, "sub/a, b.jpg", "ö.jpg"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name, encoding="utf-8")
    return tmp_path


def write(folder, text, encoding="utf-8"):
    file = pathlib.Path(folder, "list.csv")
    file.write_bytes(text.encode(encoding))
    return str(file)


def opened(folder, text, val_fraction=0.5, seed=0):
    return open_csv(write(folder, text), val_fraction, seed)


def content(source):
    """What `fetch` gives for each image."""
    return [
        source.fetch(tf.constant(i)).numpy().decode() for i in source.indices
    ]


def refusal(folder, text, val_fraction=0.5):
    with pytest.raises(InputError) as caught:
        opened(folder, text, val_fraction)
    return str(caught.value).replace(f"{folder}{os.sep}", "")


def test_rows_are_images_with_the_class_they_name(folder):
    splits = opened(folder, SPLIT)
    train, val = splits["train"], splits["val"]
    assert train.class_names == val.class_names == ("a", "b")
    assert train.labels.tolist() == [1, 0] and train.labels.dtype == np.int32
    assert val.labels.tolist() == [1]
    assert not train.multi_label and not val.multi_label
    assert content(train) == ["0.jpg", "1.jpg"] and content(val) == ["2.jpg"]
    assert train.names == [str(folder / "0.jpg"), str(folder / "1.jpg")]
    assert train.encoded and train.in_files and train.natural_size == 224


def test_several_labels_are_ones_in_a_row(folder):
    splits = opened(folder, SEVERAL)
    train, val = splits["train"], splits["val"]
    assert train.class_names == val.class_names == ("land", "sea", "sky")
    expected = [[0, 1, 1], [0, 0, 0], [0, 0, 0], [1, 0, 1]]
    assert train.labels.tolist() == expected
    assert train.labels.dtype == np.float32
    assert val.labels.tolist() == [[0, 0, 1], [0, 0, 0]]
    assert train.multi_label and val.multi_label
    assert train.class_counts().tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "0.jpg,cat,train\n1.jpg,dog,train\n2.jpg,dog,val\n",
        "split,label,width,file\ntrain,cat,3,0.jpg\nTrain,dog,4,1.jpg\n"
        "valid,dog,5,2.jpg\n",
        "Image\tClass\tSplit\r\n0.jpg\tcat\ttrain\r\n1.jpg\tdog\ttrain\r\n"
        "2.jpg\tdog\tvalidation\r\n",
        '\ufeffpath,labels,split\n"0.jpg", cat ,train\n\n1.jpg,"dog",train\n'
        ",,\n2.jpg,dog,val\n3.jpg,dog,test\n",
        "path,labels,split\n0.jpg,cat,train\n1.jpg,dog,train\n2.jpg,dog,test",
    ],
    ids=["no header", "other heads", "tabs", "quotes", "test as val"],
)
def test_forms_of_one_list(folder, text):
    splits = opened(folder, text)
    assert content(splits["train"]) == ["0.jpg", "1.jpg"]
    assert content(splits["val"]) == ["2.jpg"]
    assert splits["train"].class_names == ("cat", "dog")
    assert splits["train"].labels.tolist() == [0, 1]
    assert splits["val"].labels.tolist() == [1]


def test_paths_count_from_the_files_folder_or_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir("/")
    text = f'"sub/a, b.jpg",x\n~/ö.jpg,y\n{folder}/1.jpg,x\n2.jpg,y\n'
    write(folder, text)
    splits = open_splits("csv:~/list.csv", val_fraction=1.0)
    assert splits["train"] is splits["val"]  # as evaluation asks for
    found = ["sub/a, b.jpg", "ö.jpg", "1.jpg", "2.jpg"]
    assert content(splits["train"]) == found
    # A path without a folder of its own.
    monkeypatch.chdir(folder)
    assert content(open_csv("list.csv", 1.0, 0)["train"]) == found


def test_without_splits_each_class_is_parted(folder):
    splits = opened(folder, PLAIN)
    for split in splits.values():
        assert sorted(split.labels) == [0, 1]
    together = [name for split in splits.values() for name in content(split)]
    assert sorted(together) == NAMES[:4]


def test_without_splits_training_keeps_each_label(folder):
    labels = ["rare;a", "a", "a;b", "b", "", "a", "b", "a", "b", "", "a", "b"]
    rows = zip(NAMES, labels, strict=True)
    text = "".join(f"{name},{label}\n" for name, label in rows)
    found = set()
    for seed in range(8):
        splits = opened(folder, text, 0.25, seed)
        train, val = splits["train"], splits["val"]
        assert (len(train), len(val)) == (9, 3)
        assert (train.class_counts() > 0).all()
        assert train.class_names == val.class_names == ("a", "b", "rare")
        assert sorted(content(train) + content(val)) == sorted(NAMES)
        again = opened(folder, text, 0.25, seed)["val"]
        assert content(again) == content(val)
        found.add(tuple(content(val)))
    assert len(found) > 3


def test_a_label_that_cannot_be_parted_is_named(folder):
    text = "0.jpg,a;b\n1.jpg,c\n2.jpg,d\n"
    assert refusal(folder, text) == (
        "a class needs at least two images to be split into training and "
        "validation. Received: one image of class a in list.csv"
    )


@pytest.mark.parametrize(
    "text, received",
    [
        ("0.jpg,a\n\nno.jpg,b\n", "no.jpg in line 3 of list.csv"),
        ("0.jpg,a\n,b\n", " in line 2 of list.csv"),
        ("0.jpg,a\n1.jpg,\n", "none in line 2 of list.csv"),
        ("0.jpg,a\n1.jpg\n", "none in line 2 of list.csv"),
        (
            "path,label,classes\n0.jpg,a,b\n",
            "label and classes in line 1 of list.csv",
        ),
        ("path,breed\n0.jpg,a\n", "path, breed in line 1 of list.csv"),
        ("0.jpg;a\n1.jpg;b\n", "0.jpg;a in line 1 of list.csv"),
        ("\n ,\n", "nothing in an empty file"),
        ("path,labels\n", "no row of split train in list.csv"),
        (SPLIT.replace("train", "val"), "no row of split train in list.csv"),
        (SPLIT.replace("val", "dev"), "dev in line 4 of list.csv"),
        (SPLIT.replace("val", ""), "nothing in line 4 of list.csv"),
        (SPLIT.replace("2.jpg,b", "2.jpg,c"), "c in validation only, line 4"),
        (
            SEVERAL.replace("4.jpg,sky", "4.jpg,sky;sun;fog"),
            "sun, fog in validation only, line 6",
        ),
        ("0.jpg,a\n1.jpg,a\n", "a in the training rows of list.csv"),
        (
            "0.jpg,a\n1.jpg,b\n0.jpg,b\n",
            "0.jpg in line 1 of list.csv and line 3 of list.csv",
        ),
        (
            "0.jpg,a\n1.jpg,b\n./sub/../0.jpg,a\n",
            "./sub/../0.jpg in line 1 of list.csv and line 3 of list.csv",
        ),
        ('0.jpg,a\n"1.jpg,b\n', "unexpected end of data in line 2"),
        (
            '0.jpg,a\n"1.jpg"x,b\n',
            "',' expected after '\"' in line 2 of list.csv",
        ),
    ],
)
def test_what_is_refused_is_named_with_its_line(folder, text, received):
    assert f"Received: {received}" in refusal(folder, text)


def test_files_that_cannot_be_read(folder):
    for name in ("missing.csv", "sub"):
        with pytest.raises(InputError, match=f"Received: .*{name}$"):
            open_csv(str(folder / name), 0.5, 0)
    latin = write(folder, "ö.jpg,a\n1.jpg,b\n", "latin-1")
    with pytest.raises(InputError, match="a text file in UTF-8.*0xf6"):
        open_csv(latin, 0.5, 0)
