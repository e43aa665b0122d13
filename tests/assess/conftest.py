"""What the tests of the command's parts share."""

import types

import pytest


@pytest.fixture(scope="session")
def asked():
    """(outcome, that without views, name) -> a run that was asked for it."""

    def run(outcome, plain=None, name="run"):
        names = ["a/1.jpg", "b/1.jpg", "b/2.jpg"]
        val = types.SimpleNamespace(names=names, labels=outcome.labels)
        return types.SimpleNamespace(
            name=name,
            plain=plain or outcome,
            outcome=outcome,
            stored=None,
            recipe=None,
            classifier=None,
            splits=types.SimpleNamespace(val=val),
        )

    return run
