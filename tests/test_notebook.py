"""The notebook runs from top to bottom, and is kept without its outputs."""

import json
import os
import pathlib
import re
import runpy
import sys

import nbclient
import nbformat
import pytest

ROOT = pathlib.Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "kerastricks_colab.ipynb"
KERNEL = "kerastricks-test"
# The notebook's own settings train for minutes.
SMALLER = """
FLAGS += ["--epochs=1", "--sample_fraction=0.05", "--image_size=32"]
SWEEP += ["--steps=21", "--seeds=1"]
"""


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def settings(notebook):
    """The cell that is marked as holding them."""
    (cell,) = (
        cell
        for cell in notebook.cells
        if "parameters" in cell.metadata.get("tags", ())
    )
    return cell


def printed(notebook) -> str:
    """What the cells wrote to stdout; they write nothing to stderr."""
    streams = [
        output
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream"
    ]
    assert [one.text for one in streams if one.name == "stderr"] == []
    return "".join(one.text for one in streams)


def shown(notebook, kind: str) -> list[str]:
    """The outputs of a MIME type."""
    return [
        output["data"][kind]
        for cell in code_cells(notebook)
        for output in cell.outputs
        if kind in output.get("data", {})
    ]


def test_is_kept_as_the_hook_leaves_it(notebook):
    nbformat.validate(notebook)
    stripped = runpy.run_path(str(ROOT / "tools" / "strip_notebook.py"))[
        "stripped"
    ]
    kept = NOTEBOOK.read_text(encoding="utf-8")
    for cell in code_cells(notebook):
        assert cell.outputs == [] and cell.execution_count is None
        cell.execution_count = 1
        cell.metadata["executionInfo"] = {"elapsed": 1}
        cell.outputs = [nbformat.v4.new_output("stream", text="out")]
    notebook.metadata["language_info"]["version"] = "3.11"
    notebook.metadata["widgets"] = {}
    run = nbformat.writes(notebook)
    assert run != kept and stripped(run) == kept


def test_other_data_are_one_cell_away(notebook):
    from kerastricks import flags

    source = settings(notebook).source
    choices = re.findall(r"^(?:# )?FLAGS = (\[.+\])$", source, re.M)
    data = []
    for choice in choices:
        recipe = flags.parse_recipe(json.loads(choice), usage="")
        data.append(recipe.validate().data.data)
    assert data == ["shapes", "tfds:cifar10", "folder:flowers"]


@pytest.fixture
def kernel(cache, tmp_path, monkeypatch) -> str:
    """The name of a kernel that is this very Python, with this package."""
    spec = tmp_path / "jupyter" / "kernels" / KERNEL / "kernel.json"
    spec.parent.mkdir(parents=True)
    start = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    about = {"argv": [sys.executable, *start], "display_name": "tests"}
    spec.write_text(json.dumps(about | {"language": "python"}))
    path = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    for name, value in {
        "JUPYTER_PATH": str(tmp_path / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "KERAS_BACKEND": "tensorflow",
        "KERASTRICKS_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "TF_NUM_INTRAOP_THREADS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return KERNEL


@pytest.mark.slow
# Jupyter's own, about sockets and event loops.
@pytest.mark.filterwarnings("ignore")
def test_runs(notebook, kernel, tmp_path):
    settings(notebook).source += SMALLER
    client = nbclient.NotebookClient(
        notebook,
        timeout=400,
        kernel_name=kernel,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()  # raises where a cell does
    (plain,) = tmp_path.glob("runs/*/plain")
    result = json.loads((plain / "result.json").read_text())
    evaluation = plain / "evaluation" / "evaluation.json"
    verdict = json.loads(evaluation.read_text())["comparison"]["verdict"]
    text = printed(notebook)
    for told in (
        "train    looked at 300 of 4,000 images, 10 classes",  # inspect
        "steep       --learning_rate=",  # find_lr
        f"plain: top-1 {result['top1']:.1%}\n",
        "mixup=0.2: top-1 ",
        "flip, the mean of probabilities: ",  # evaluate --tta
        verdict,
        "64 of 64 images with the same best class",  # export
    ):
        assert told in text
    # The preview, the finder's curve, mistakes, answers of the SavedModel.
    assert len(shown(notebook, "image/png")) == 4
    found, curves, report = shown(notebook, "text/html")  # in frames
    assert "shapes: data&lt;/title" in found
    assert curves.count("&lt;svg") == 2
    assert "Worst mistakes&lt;/h2" in report
    (card,) = shown(notebook, "text/markdown")
    assert card.startswith("# plain\n")
