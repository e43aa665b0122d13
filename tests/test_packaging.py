"""What the wheel and the sdist hold, built without a network."""

import email
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

import kerastricks
from kerastricks import flagfiles

ROOT = pathlib.Path(__file__).parent.parent


def setup_py(folder, *words):
    subprocess.run(
        [sys.executable, "setup.py", "-q", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=120,
    )


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    to = ("egg_info", f"--egg-base={folder}", "sdist", f"--dist-dir={folder}")
    setup_py(ROOT, *to)
    with tarfile.open(*folder.glob("*.tar.gz")) as sdist:
        sdist.extractall(folder, filter="data")
    return folder / f"kerastricks-{kerastricks.__version__}"


@pytest.fixture(scope="module")
def wheel(unpacked, tmp_path_factory):
    """The wheel that the sdist gives, opened."""
    folder = tmp_path_factory.mktemp("wheel")
    setup_py(unpacked, "bdist_wheel", f"--dist-dir={folder}")
    with zipfile.ZipFile(*folder.glob("*.whl")) as opened:
        yield opened


def same(path):
    return (ROOT / path).read_bytes()


def test_wheel_holds_the_package_the_recipes_and_nothing_else(wheel):
    package = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "kerastricks").rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    recipes = {
        f"kerastricks/{path.relative_to(ROOT).as_posix()}": path.read_bytes()
        for path in (ROOT / "configs").rglob("*.flags")
    }
    assert len(recipes) > 40
    held = {
        name: wheel.read(name)
        for name in wheel.namelist()
        if ".dist-info/" not in name
    }
    assert held.keys() == package.keys() | recipes.keys()
    assert held == package | recipes


def test_wheel_says_what_it_is(wheel):
    info = f"kerastricks-{kerastricks.__version__}.dist-info/"
    text = wheel.read(f"{info}METADATA").decode()
    about = email.message_from_string(text)
    assert about["Name"] == "kerastricks" and about["Version"] == "0.1.0"
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] or about["License"] == "Apache-2.0"
    assert about.get_payload().lstrip().startswith("# kerastricks")
    needs = "\n".join(about.get_all("Requires-Dist"))
    assert "tensorflow[and-cuda]" in needs and "keras-cv" in needs
    licences = [n for n in wheel.namelist() if n.endswith("LICENSE")]
    assert [wheel.read(name) for name in licences] == [same("LICENSE")]


def test_changes_are_told_of_this_version():
    lines = (ROOT / "CHANGELOG.md").read_text().splitlines()
    assert f"## {kerastricks.__version__}" in lines


def test_every_recipe_is_found_from_outside_the_checkout(wheel, tmp_path):
    wheel.extractall(tmp_path / "site")
    code = (
        "import sys, kerastricks\n"
        "from kerastricks.flagfiles import read_flagfile\n"
        "print(kerastricks.__file__)\n"
        "for name in sys.argv[1:]:\n"
        "    print(read_flagfile(name))\n"
    )
    names = flagfiles.names()
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    file, *found = done.stdout.splitlines()
    assert pathlib.Path(file).is_relative_to(tmp_path)
    assert found == [str(flagfiles.read_flagfile(name)) for name in names]


def test_sdist_holds_the_checkout(unpacked):
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("git knows what belongs to the checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    tracked = [name for name in listed.split("\0") if name]
    assert len(tracked) > 300
    there = [name for name in tracked if (ROOT / name).is_file()]
    for name in there:
        assert (unpacked / name).is_file(), f"{name}: see MANIFEST.in"
        assert (unpacked / name).read_bytes() == same(name), name
