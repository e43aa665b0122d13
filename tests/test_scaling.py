import pytest

from kerastricks.scaling import scaled


def test_by_hand():
    assert scaled(0.1, 1024) == 0.4
    assert scaled(0.1, 64) == 0.025
    assert scaled(0.1, 1024, "sqrt") == 0.2
    assert scaled(0.1, 1024, "none") == 0.1
    assert scaled(1e-3, 32, base=64) == 5e-4
    for law in ("linear", "sqrt", "none"):
        assert scaled(0.3, 256, law) == 0.3


def test_bad_arguments():
    with pytest.raises(ValueError, match="linear, sqrt, none. .*law=root"):
        scaled(0.1, 256, "root")
    with pytest.raises(ValueError, match="at least 1.*batch_size=0, base=256"):
        scaled(0.1, 0)
