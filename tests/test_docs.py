"""What the documentation says is there, is there; what it shows, runs."""

import importlib
import importlib.util
import json
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
    *("import_weights", "models", "find_lr"),
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
    """The words of each command in the shell blocks, comments left out."""
    lines = "\n".join(blocks(path, "sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line for line in words if line]


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


@each_document
def test_relative_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:|#", target):
            assert (path.parent / target.partition("#")[0]).exists(), target


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
    known = {flag.name for flag in flags.RECIPE_FLAGS} | {"flagfile", "help"}
    known |= {flag.name for name in COMMANDS for flag in flags_of(name)}
    for script in (ROOT / "benchmarks").glob("*.py"):
        known |= set(
            re.findall(r'add_argument\(\s*"--(\w+)', script.read_text())
        )
    text = path.read_text(encoding="utf-8")
    for span in re.findall(r"`(--[^`]*)`", text):
        for name in re.findall(r"--(?:no(?=[a-z]))?([a-z]\w*)", span):
            assert name in known or f"no{name}" in known, span


def test_a_command_with_a_wrong_flag_would_be_found():
    (call,) = package_calls(["python", "-m", "kerastricks.predict", "--topk=3"])
    with pytest.raises(ValueError, match="Did you mean --top_k"):
        flags.parse(call[1], "", flags_of(call[0]))


def test_readme_shows_python_that_compiles():
    shown = blocks(ROOT / "README.md", "python")
    assert len(shown) >= 3
    for number, code in enumerate(shown):
        compile(code, f"README.md, block {number}", "exec")


@pytest.mark.slow
def test_readme_shows_python_that_runs(cache, image_folder, tmp_path):
    # One after the other, as a reader would paste them.
    code = "\n".join(blocks(ROOT / "README.md", "python"))
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
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"top-1 \d+\.\d%, report in runs/tiny", done.stdout)
    assert (tmp_path / "runs" / "tiny" / "report.html").is_file()


def test_linters_are_of_one_version():
    for name in (".pre-commit-config.yaml", "setup.py"):
        versions = re.findall(r"ruff==([\d.]+)", (ROOT / name).read_text())
        assert set(versions) == {"0.17.5"}, name


def test_workflow_runs_the_targets_of_make():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert re.findall(r"run: (.*)", text) == ["make lint", "make test"]


def dockerfile() -> list[tuple[str, str]]:
    """(instruction, the rest) of each line of the Dockerfile."""
    text = (ROOT / "docker" / "Dockerfile").read_text()
    lines = text.replace("\\\n", " ").splitlines()
    words = [line.split(None, 1) for line in lines if line and line[0] != "#"]
    return [(name, rest.strip()) for name, rest in words]


def each(instruction: str) -> list[str]:
    return [rest for name, rest in dockerfile() if name == instruction]


def test_docker_copies_what_exists_and_is_let_in():
    let_in = (ROOT / ".dockerignore").read_text().split()
    stages = [line.split(" AS ")[1] for line in each("FROM") if " AS " in line]
    copied = 0
    for line in each("COPY"):
        *sources, _ = line.split()
        if sources[0].startswith("--from="):
            assert sources[0].removeprefix("--from=") in stages
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source.split('/')[0]}" in let_in, source
            copied += 1
    assert "*" in let_in and copied >= 4


def test_docker_installs_as_pip_understands():
    pip = [sys.executable, "-m", "pip", "install", "--help"]
    options = subprocess.run(pip, capture_output=True, text=True).stdout
    installs = [line.split() for line in each("RUN") if "pip install" in line]
    assert installs
    for words in installs:
        assert words[:2] == ["pip", "install"]
        # The checkout itself; setup.py alone says what else is needed.
        assert [word for word in words[2:] if word[0] != "-"] == ["."]
        for option in words[2:-1]:
            assert re.search(rf"{option}\b", options), option


def test_docker_runs_the_demo_as_nobody_special():
    assert each("USER") not in ([], ["root"])
    assert "/runs" in json.loads(each("VOLUME")[0])
    ((command, arguments),) = package_calls(json.loads(each("CMD")[-1]))
    assert command == "train"
    assert arguments[0] == "--flagfile=configs/demo.flags"
    assert "configs /app/configs" in each("COPY") and each("WORKDIR")[-1] == (
        "/app"
    )
    assert arguments[1].startswith("--run_dir=/runs/")


def test_extras_exist():
    extras = (ROOT / "setup.py").read_text().split("extras_require")[1]
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    texts.append((ROOT / "Makefile").read_text())
    for name in re.findall(r"'\.\[(\w+)\]'", "\n".join(texts)):
        assert f'"{name}": [' in extras, name
