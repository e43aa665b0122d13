"""Which images an export is checked by."""

import dataclasses

from kerastricks import build
from kerastricks.run_dir import RunDir
from kerastricks.serving.of_run import whole


def test_a_cache_of_squares_has_no_pictures(finished):
    recipe = RunDir(finished.run_dir).recipe()
    source = build.evaluation_data(recipe).val
    assert whole(recipe, source) is source
    cached = dataclasses.replace(source, encoded=False, square=32)
    for given in (cached, None):
        found = whole(recipe, given)
        assert found.encoded and not found.square
        assert list(found.names) == list(source.names)
