"""The images' files: what they copy, install, run and are pinned to.

`make docker-check` carries their lines out; this is what can be told sooner.
"""

import difflib
import importlib.util
import pathlib
import re
import runpy
import subprocess
import sys

import pytest
import setuptools
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kerastricks.flags import parse_recipe

ROOT = pathlib.Path(__file__).parent.parent
DOCKER = ROOT / "docker"
IGNORE = (ROOT / ".dockerignore").read_text()
FILES = ("Dockerfile", "Dockerfile.gpu")
PYTHON = "{}.{}".format(*sys.version_info)


def tool(name):
    spec = importlib.util.spec_from_file_location(
        name, ROOT / "tools" / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses looks for annotations
    spec.loader.exec_module(module)
    return module


dockerfile = tool("dockerfile")
each_file = pytest.mark.parametrize("file", FILES)


def stages(file):
    return dockerfile.parse((DOCKER / file).read_text())


@each_file
def test_copies_what_exists_and_is_let_in(file):
    names, copied = [], 0
    for stage in stages(file):
        for words in (line.words() for line in stage.each("COPY")):
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in names
                continue
            for source in words[:-1]:
                assert (ROOT / source).exists(), source
                assert dockerfile.let_in(source, IGNORE), source
                copied += 1
        names.append(stage.name)
    assert copied >= 7


def test_little_is_let_in():
    for name in ("tests/test_docker.py", ".git/config", "docker/README.md"):
        assert not dockerfile.let_in(name, IGNORE)
    assert dockerfile.let_in("kerastricks/models/names.py", IGNORE)
    assert not dockerfile.let_in("kerastricks/__pycache__/a.pyc", IGNORE)


@each_file
def test_installs_the_checkout_within_the_constraints(file):
    chains = [line.commands() for line in stages(file)[0].each("RUN")]
    installs = [
        words for chain in chains for words in chain if "install" in words
    ]
    what = ".[cuda]" if file.endswith("gpu") else "."
    first, second = installs
    assert first[-3:] == ["--constraint", "constraints.txt", what]
    assert "--no-deps" in second and second[-1] == "."
    # Which tells whether what is pinned suits what is needed.
    assert chains[-1][-1] == ["pip", "check"]


@each_file
def test_runs_the_demo_as_nobody_special(file):
    last = stages(file)[-1]
    assert last.each("USER")[-1].rest == "1000:1000"
    volumes = last.each("VOLUME")[-1].words()
    assert volumes == ["/runs", "/cache"]
    *command, flags, run_dir = last.each("CMD")[-1].words()
    assert command == ["python", "-m", "kerastricks.train"]
    recipe = parse_recipe([flags, run_dir], "")
    assert flags == "--flagfile=configs/demo.flags"
    assert recipe.run.run_dir == "/runs/demo"
    # A default run_dir, runs/NAME, is in the volume too.
    assert last.each("WORKDIR")[-1].rest == "/"
    for line in last.each("ENV")[-1].words():
        name, _, value = line.partition("=")
        if name in ("KERASTRICKS_CACHE", "KERAS_HOME", "TFDS_DATA_DIR"):
            assert value.startswith("/cache/"), line


def test_images_differ_in_what_a_gpu_needs():
    texts = [
        "\n".join(
            f"{line.name} {line.rest}"
            for stage in stages(file)
            for line in stage.instructions
        )
        for file in FILES
    ]
    changes = [
        line[2:].split()
        for line in difflib.ndiff(*(re.split(r"\n| && ", t) for t in texts))
        if line[0] in "+-"
    ]
    before, after = changes[:2]
    assert before[-1] == "." and after[-1] == "'.[cuda]'"
    assert set(changes[3]) - set(changes[2]) == {
        "NVIDIA_VISIBLE_DEVICES=all",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
    }
    assert len(changes) == 4


def needed(monkeypatch):
    """What setup.py asks for in the images."""
    told = {}
    monkeypatch.setattr(setuptools, "setup", told.update)
    runpy.run_path(str(ROOT / "setup.py"))
    wanted = told["install_requires"] + told["extras_require"]["cuda"]
    return [Requirement(text) for text in wanted]


def test_constraints_pin_what_setup_asks_for(monkeypatch):
    head, *lines = (DOCKER / "constraints.txt").read_text().splitlines()
    for file in FILES:
        for stage in stages(file):
            version = stage.base.removeprefix("python:").split("-")[0]
            assert f"with Python {version};" in head
    pins = dict(line.split("==") for line in lines)
    assert all(re.fullmatch(r"[\w.]+", version) for version in pins.values())
    assert lines == sorted(lines, key=lambda line: line.split("==")[0])
    pins = {canonicalize_name(name): pins[name] for name in pins}
    for requirement in needed(monkeypatch):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement
    assert {"nvidia-cudnn-cu12", "nvidia-nccl-cu12"} <= pins.keys()
    assert "kerastricks" not in pins


# Compose


COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())


def plain(text):
    """A value as it is when no variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_service_builds_an_image_of_ours(name):
    service = COMPOSE["services"][name]
    file = pathlib.Path(service["build"]["dockerfile"])
    assert (DOCKER / service["build"]["context"]).resolve() == ROOT
    assert (ROOT / file).is_file()
    make = (ROOT / "Makefile").read_text()
    assert f"build -f {file} -t {service['image']} .\n" in make
    assert plain(service["user"]) == "1000:1000"
    mounts = [plain(text).split(":") for text in service["volumes"]]
    assert all(source in COMPOSE["volumes"] for source, *_ in mounts)
    targets = {target for _, target, *_ in mounts}
    assert targets == {
        "/data",
        *stages(file.name)[-1].each("VOLUME")[0].words(),
    }


def test_gpus_are_asked_for_by_the_gpu_profile_alone():
    services = COMPOSE["services"]
    asking = {
        name: service["deploy"]["resources"]["reservations"]["devices"]
        for name, service in services.items()
        if "deploy" in service
    }
    assert asking == {
        "train-gpu": [
            {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
        ]
    }
    assert {n: s.get("profiles") for n, s in services.items()} == {
        "train": None,
        "train-gpu": ["gpu"],
    }


# The tools


@pytest.mark.parametrize(
    "text, message",
    [
        ("RUN true", "a Dockerfile starts with FROM. Received: RUN in line 1"),
        ("\n#\nFRUM a", "an instruction is one of .* Received: 'FRUM a' in li"),
        ("FROM a\nRUN b \\\n", r"the last line must end. Received: a \\ in li"),
    ],
)
def test_what_is_no_dockerfile_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        dockerfile.parse(text)


def test_chains_are_taken_apart():
    (stage,) = dockerfile.parse("FROM a\nRUN x \\\n  # why\n  '.[b]' && y z\n")
    (line,) = stage.instructions
    assert line.line == 2
    assert line.commands() == [["x", ".[b]"], ["y", "z"]]
    for shell in ("a | b", "a; b", "a & b", "a > b", "$(a)", "rm *", "`a`"):
        (stage,) = dockerfile.parse(f"FROM a\nRUN {shell}")
        with pytest.raises(ValueError, match="commands joined by &&"):
            stage.instructions[0].commands()
    with pytest.raises(ValueError, match=r"a line is \*, !PATH or \*\*/NAME"):
        dockerfile.let_in("a", "*.py")


BUILD = f"""
FROM python:{PYTHON}-slim AS build
WORKDIR /src
COPY LICENSE docker/constraints.txt ./
RUN useradd somebody && mkdir /made && cp LICENSE /made/copy
FROM python:{PYTHON}-slim
COPY --from=build /made /kept
ENV PLACE=/kept/copy
WORKDIR /kept
CMD ["python", "-c", "import os; print(os.stat('copy').st_size, \\
     os.environ['PLACE'], os.path.exists('../src'))"]
"""


def carried_out(text, folder):
    file = folder / "Dockerfile"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "docker_lines.py", file],
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_lines_are_carried_out_in_a_root_of_their_own(tmp_path):
    code, told = carried_out(BUILD, tmp_path)
    assert code == 0, told
    size = (ROOT / "LICENSE").stat().st_size
    assert re.search(rf"\| {size} \S+/root/kept/copy False\n", told)
    assert "useradd: left out, it changes the system" in told
    assert told.endswith("every line works\n")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("useradd somebody", "false", "  false: 1 in 0 s"),
        ("useradd somebody", "no_such", "no such program. Received: no_such"),
        ("LICENSE docker", "tests docker", "COPY needs what is there"),
        ("/made /kept", "/src/gone /kept", "COPY needs what is there"),
        (f"python:{PYTHON}", "python:2.7", "by the Python of the image"),
        ("os.stat('copy')", "os.stat('gone')", "No such file or directory"),
    ],
)
def test_line_that_fails_ends_it(tmp_path, old, new, message):
    assert old in BUILD
    code, told = carried_out(BUILD.replace(old, new), tmp_path)
    assert code == 1
    assert message in told and "every line works" not in told
