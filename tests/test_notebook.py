"""The notebook runs from top to bottom, and is kept without its outputs."""

import json
import os
import pathlib
import sys

import nbclient
import nbformat
import pytest

ROOT = pathlib.Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "kerastricks_colab.ipynb"
KERNEL = "kerastricks-test"
# The notebook's own settings train for minutes.
SETTINGS = f"""
CHECKOUT = {str(ROOT)!r}
FLAGS = [
    "--run_dir=run", "--epochs=1", "--sample_fraction=0.1", "--width=0.25"
]
"""


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(notebook) -> str:
    """What the cells wrote to stdout."""
    return "".join(
        output.text
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stdout"
    )


def shown(notebook, kind: str) -> int:
    """How many outputs of a MIME type there are."""
    return sum(
        kind in output.get("data", {})
        for cell in code_cells(notebook)
        for output in cell.outputs
    )


def put_settings(notebook) -> None:
    """Replaces the cell that is marked as holding the settings."""
    (cell,) = (
        cell
        for cell in notebook.cells
        if "parameters" in cell.metadata.get("tags", ())
    )
    cell.source = SETTINGS


def test_is_kept_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in code_cells(notebook):
        assert cell.outputs == [] and cell.execution_count is None


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
    }.items():
        monkeypatch.setenv(name, value)
    return KERNEL


@pytest.mark.slow
# Jupyter's own, about sockets and event loops.
@pytest.mark.filterwarnings("ignore")
def test_runs(notebook, kernel, tmp_path):
    put_settings(notebook)
    client = nbclient.NotebookClient(
        notebook,
        timeout=400,
        kernel_name=kernel,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()  # raises where a cell does
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    text = printed(notebook)
    assert "4000 to train on, 1000 to test: arrow circle crescent" in text
    assert f"top-1 {result['top1']:.1%}, " in text
    assert "saved_model.pb" in text
    # Rows of pictures: validation, training, mistakes; then 8 to classify.
    assert shown(notebook, "image/png") == 3
    assert shown(notebook, "image/jpeg") == 8
    assert shown(notebook, "text/html") == 2  # curves, report
