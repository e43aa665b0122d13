"""What the documentation says is there, is there; what it shows, runs."""

import ast
import functools
import importlib
import importlib.util
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from kerastricks import flags

ROOT = pathlib.Path(__file__).parent.parent
# Folders that a build or a run leaves behind.
PASSED_OVER = {"build", "dist", "runs"}


def documents() -> list[pathlib.Path]:
    """Every Markdown file of the repository."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name
            for name in folders
            if name[0] != "." and name not in PASSED_OVER
        ]
        found += [pathlib.Path(folder, f) for f in files if f.endswith(".md")]
    return sorted(found)


COMMANDS = (
    *("train", "evaluate", "predict", "export", "preview", "pack"),
    *("import_weights", "models", "find_lr", "inspect", "soup"),
)
DOCUMENTS = documents()
each_document = pytest.mark.parametrize(
    "path", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)


def blocks(path: pathlib.Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    text = path.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def command_lines(path: pathlib.Path) -> list[list[str]]:
    """The words of the lines that call the package, comments left out."""
    lines = "\n".join(blocks(path, "sh")).replace("\\\n", " ").splitlines()
    calls = [line for line in lines if "-m kerastricks." in line]
    return [shlex.split(line, comments=True) for line in calls]


def package_calls(words: list[str]) -> list[tuple[str, list[str]]]:
    """(command, arguments) of `python -m kerastricks.NAME` in a line."""
    return [
        (words[i + 1].removeprefix("kerastricks."), words[i + 2 :])
        for i, word in enumerate(words[:-1])
        if word == "-m" and words[i + 1].startswith("kerastricks.")
    ]


def flags_of(command: str) -> list[flags.Flag]:
    """The flags that a command takes."""
    if command == "train":
        return list(flags.RECIPE_FLAGS)
    module = importlib.import_module(f"kerastricks.{command}")
    named = [
        value
        for value in vars(module).values()
        if isinstance(value, flags.Flag)
    ]
    return list(dict.fromkeys([*named, *getattr(module, "FLAGS", ())]))


def test_there_are_documents():
    names = {path.name for path in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} <= names


def without_code(text: str) -> str:
    """The same without fenced blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


@functools.cache
def anchors(path: pathlib.Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    text = without_code(path.read_text(encoding="utf-8"))
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", shown.strip()).replace(" ", "-")
        again = sum(slug == re.sub(r"-\d+$", "", other) for other in found)
        found.append(f"{slug}-{again}" if again else slug)
    return set(found)


def broken_links(path: pathlib.Path) -> list[str]:
    """Those that lead to no file, or to no heading of it."""
    text = without_code(path.read_text(encoding="utf-8"))
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or anchor and anchor not in anchors(target):
            broken.append(link)
    return broken


@each_document
def test_links_lead_somewhere(path):
    assert not broken_links(path)


def test_a_link_to_nothing_would_be_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One\n```sh\n# no heading\n```\n## `a_b` & C's: [D](x)\n## One\n"
        "[1](#one) [2](#one-1) [3](page.md#a_b--cs-d) [4](https://x.y#z)\n"
        "[5](#two) [6](other.md) [7](page.md#no-heading)\n"
    )
    assert broken_links(page) == ["x", "#two", "other.md", "page.md#no-heading"]


@each_document
def test_commands_exist(path):
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"-m (kerastricks\.[a-z_.]*[a-z_])", text):
        assert importlib.util.find_spec(name), name


@each_document
def test_targets_exist(path):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    code = "\n".join(
        blocks(path, "sh")
        + re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))
    )
    for name in re.findall(r"\bmake ([a-z-]+)", code):
        assert name in targets, name


@each_document
def test_flags_exist(path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)  # where flagfiles are looked for
    for words in command_lines(path):
        for command, arguments in package_calls(words):
            if "--help" in arguments:
                continue
            # Refuses unknown flags and values of another type.
            flags.parse(arguments, "", flags_of(command))
            if command == "train":
                flags.parse_recipe(arguments, "")


@each_document
def test_flags_in_the_text_exist(path):
    known = known_flags()
    text = path.read_text(encoding="utf-8")
    for span in re.findall(r"`(--[^`]*)`", text):
        for name in re.findall(r"--(?:no(?=[a-z]))?([a-z]\w*)", span):
            assert name in known or f"no{name}" in known, span


@functools.cache
def known_flags() -> set[str]:
    """Of all commands and benchmarks."""
    known = {flag.name for flag in flags.RECIPE_FLAGS} | {"flagfile", "help"}
    known |= {flag.name for name in COMMANDS for flag in flags_of(name)}
    for script in (ROOT / "benchmarks").glob("*.py"):
        known |= set(
            re.findall(r'add_argument\(\s*"--(\w+)', script.read_text())
        )
    return known


def test_a_command_with_a_wrong_flag_would_be_found():
    (call,) = package_calls(["python", "-m", "kerastricks.predict", "--topk=3"])
    with pytest.raises(ValueError, match="Did you mean --top_k"):
        flags.parse(call[1], "", flags_of(call[0]))


def test_readme_is_two_screens():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120


def test_index_has_all_pages():
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text(encoding="utf-8")
    for page in {path.name for path in docs.glob("*.md")} - {"README.md"}:
        assert f"({page})" in index, page


@each_document
def test_python_that_is_shown_compiles_and_its_imports_exist(path):
    for code in blocks(path, "python"):
        for node in ast.walk(ast.parse(code)):
            if not isinstance(node, ast.ImportFrom):
                continue
            if node.module.split(".")[0] != "kerastricks":
                continue
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name), name.name


# Whose blocks are run, page after page in one process.
RUN = ("README.md", "docs/from-keras.md", "docs/quickstart.md")


@pytest.mark.slow
def test_python_that_is_shown_runs(cache, image_folder, tmp_path):
    # One after the other, as a reader would paste them.
    shown = [blocks(ROOT / name, "python") for name in RUN]
    assert min(map(len, shown)) >= 1
    code = "\n".join(code for page in shown for code in page)
    shutil.copy(image_folder / "val" / "red" / "00.jpg", tmp_path / "photo.jpg")
    environment = os.environ | {
        "KERASTRICKS_CACHE": str(cache),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"top-1 \d+\.\d%, report in runs/tiny", done.stdout)
    assert (tmp_path / "runs" / "tiny" / "report.html").is_file()
    assert (tmp_path / "served" / "saved_model.pb").is_file()


def test_linters_are_of_one_version():
    for name in (".pre-commit-config.yaml", "setup.py"):
        versions = re.findall(r"ruff==([\d.]+)", (ROOT / name).read_text())
        assert set(versions) == {"0.17.5"}, name


def test_workflow_runs_the_targets_of_make():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.findall(r"run: (make.*)", text) == [
        *("make lint", "make test-all", "make dist-check", "make docker")
    ]
    local = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^make.*", local, re.M) == [
        *("make lint", "make test-all", "make dist-check")
    ]


def test_extras_exist():
    extras = (ROOT / "setup.py").read_text().split("extras_require")[1]
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    texts.append((ROOT / "Makefile").read_text())
    for name in re.findall(r"'\.\[(\w+)\]'", "\n".join(texts)):
        assert f'"{name}": [' in extras, name
