"""Whether two tables of probabilities are the same, by hand."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kerastricks.errors import RunError
from kerastricks.serving import parity
from kerastricks.serving.compare import check
from kerastricks.serving.sample import Sample
from kerastricks.serving.saved_model import PLAIN, save

EXPECTED = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])


def test_the_first_that_is_broken_is_named():
    good = check("good", EXPECTED, EXPECTED, 1e-5)
    bad = check("bad", EXPECTED, EXPECTED[:, ::-1], 1e-5)
    parity.refuse_broken([good])
    message = "bad differs .* up to 0.6 in .* 1e-05 is .* for 0 of 2"
    with pytest.raises(RunError, match=message):
        parity.refuse_broken([good, bad])


def test_every_signature_is_held_against_evaluation(
    tiny, squares, probabilities, tmp_path
):
    save(tiny, tmp_path, 3, PLAIN)
    files = [tf.io.encode_png(image).numpy() for image in squares]
    images, _ = tiny.normalize(squares)
    logits = np.asarray(tiny.model(images))
    sample = Sample(files, squares, logits, probabilities)
    checks = parity.check_saved_model(tmp_path, tiny, sample)
    told = {one.what: (one.images, one.passed) for one in checks}
    assert told == {
        "SavedModel serve_bytes": (24, True),
        "SavedModel serving_default": (8, True),
        "SavedModel logits": (24, True),
    }
    # Pixels of a source without files go there as PNG; logits of others.
    wrong = dataclasses.replace(
        sample, pictures=list(squares), logits=logits + [[0, 1e-4, 0]]
    )
    checks = parity.check_saved_model(tmp_path, tiny, wrong)
    assert [one.what for one in checks] == list(told)
    assert [one.passed for one in checks] == [True, True, False]
    assert checks[0].images == 24
    # Names of other indices.
    renamed = dataclasses.replace(tiny, class_names=("dög", "cat", "eel"))
    with pytest.raises(RunError, match="names are not those"):
        parity.check_saved_model(tmp_path, renamed, sample)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_network_of_nan_is_refused(tiny, squares, probabilities, broken):
    """Whose files would be as broken, and match it."""
    bad = probabilities.copy()
    bad[3, 1] = broken
    for field in ("expected", "logits"):
        sample = Sample(list(squares), squares, probabilities, probabilities)
        sample = dataclasses.replace(sample, **{field: bad})
        message = "network itself is broken.* for 1 of 24 validation images"
        with pytest.raises(RunError, match=message):
            parity.check_all(None, tiny, sample, [], 0.1)
