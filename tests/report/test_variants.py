"""Several ways to predict, side by side."""

import math

from kerastricks.report.variants import raw_and_average, variants, weights_row

PLAIN = {"top1": 0.9, "loss": 0.5, "ece": 0.02}
VIEWS = {"top1": 0.912, "loss": 0.45, "ece": 0.03}


def test_each_has_a_row_and_each_number_a_column():
    html = variants([("plain", PLAIN), ("<flip>", VIEWS)], "flip gains")
    heads = [">top-1<", ">loss<", ">ECE<"]
    places = [html.index(head) for head in heads]
    assert places == sorted(places) and ">top-5<" not in html
    row = "<td>90.00%</td><td>0.5000</td><td>2.00%</td>"
    assert f"<td>plain</td>{row}" in html
    assert "<td>&lt;flip&gt;</td><td>91.20%</td><td>0.4500</td>" in html
    assert "<p>flip gains</p>" in html


def test_one_alone_is_nothing():
    assert variants([("plain", PLAIN)], "words") == ""


def test_the_best_and_the_last_of_raw_and_average():
    history = [
        {"epoch": 1, "val_top1": 0.5, "average_top1": math.nan},
        {"epoch": 2, "val_top1": 0.8, "average_top1": 0.7},
        {"epoch": 3, "val_top1": 0.6, "average_top1": 0.9},
    ]
    html = raw_and_average(history)
    cells = "<td>80.00%</td><td>2</td><td>60.00%</td>"
    assert f"<td>raw</td>{cells}" in html
    cells = "<td>90.00%</td><td>3</td><td>90.00%</td>"
    assert f"<td>average</td>{cells}" in html
    assert html.count('class="line') == 2


def test_a_run_without_an_average_says_nothing():
    assert raw_and_average([{"epoch": 1, "val_top1": 0.5}]) == ""


def test_of_equal_epochs_the_one_of_less_loss_is_the_best():
    """As `SaveBest` has it; of equal losses the first."""
    assert weights_row("raw", [0.5, 0.5], [2.0, 1.0])[2] == "2"
    assert weights_row("raw", [0.5, 0.5], [1.0, 1.0])[2] == "1"
    assert weights_row("raw", [math.nan], [1.0]) == ["raw", "–", "–", "–"]
