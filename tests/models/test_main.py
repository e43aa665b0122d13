import re

import pytest

from kerastricks.errors import InputError
from kerastricks.models.__main__ import main


@pytest.mark.slow
def test_table(capsys):
    main(["resnet20", "resnet50d", "cifar_fast"])
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 4
    found = [re.split(r"\s{2,}", row) for row in rows[1:]]
    assert found[0] == ["resnet20", "269,722", "0.041 G", "32"]
    assert found[1] == ["resnet50d", "25,576,264", "4.329 G", "224"]
    assert found[2][0] == "cifar_fast"


def test_a_mistyped_name_prints_no_half_table(capsys):
    with pytest.raises(InputError, match="resnet50_d"):
        main(["resnet18", "resnet50_dd"])
    assert capsys.readouterr().out == ""
