"""Every line of a Dockerfile carried out where there is no container engine.

    python tools/docker_lines.py docker/Dockerfile --epochs=1

Each stage gets an empty folder for a root: absolute paths lie in it, `python`
is the one that runs this script, and commands see the environment of the stage
alone (and what pip needs to know of the network). COPY takes only what
.dockerignore lets in, and COPY --from what the other stage left. In the end the
CMD is run twice: with --help, and with the flags that follow the file's name.

Not carried out, and said so: what changes the system (SYSTEM below), USER. The
base image's own libraries are those of this machine.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

from dockerfile import Instruction, Stage, let_in, parse

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
SYSTEM = ("apt-get", "useradd", "groupadd", "chown")
NETWORK = re.compile(r"PIP_|SSL_CERT|REQUESTS_CA|.*_proxy$", re.I)


class Room:
    """The stage that is being built, in a folder that stands for its root.

    All stages have the same folder in turn, as all have the same root in an
    image, so that a virtual environment stays where it was made.
    """

    def __init__(self, scratch: pathlib.Path) -> None:
        self.scratch = scratch
        self.root = scratch / "root"
        self.environment: dict[str, str] = {}
        self.folder = self.root

    def build(self, stage: Stage) -> None:
        """Carries out a stage from its FROM on."""
        say(f"FROM {stage.base} {stage.name and 'AS ' + stage.name}")
        programs = self.root / "usr" / "local" / "bin"
        programs.mkdir(parents=True)
        (self.root / "home").mkdir()
        (programs / "python").symlink_to(base_python(stage.base))
        self.folder = self.root
        self.environment = {
            "HOME": str(self.root / "home"),
            "PATH": f"{programs}:/usr/bin:/bin",
        }
        for line in stage.instructions:
            act = getattr(self, line.name.lower(), None)
            if act:
                say(f"{line.name} {line.rest}")
                act(line)
            elif line.name != "CMD":
                say(f"{line.name} {line.rest}  (noted, not carried out)")

    def leave(self, name: str) -> None:
        """Puts the stage where COPY --from finds it."""
        self.root.rename(self.scratch / name)

    def env(self, line: Instruction) -> None:
        for word in line.words():
            name, _, value = word.partition("=")
            parts = (
                self.environment[part[1:]] if part[0] == "$" else self.at(part)
                for part in value.split(":")
            )
            self.environment[name] = ":".join(map(str, parts))

    def workdir(self, line: Instruction) -> None:
        self.folder = pathlib.Path(self.at(line.rest))
        self.folder.mkdir(parents=True, exist_ok=True)

    def copy(self, line: Instruction) -> None:
        words = line.words()
        if words[0].startswith("--from="):
            source = self.scratch / words.pop(0).partition("=")[2]
            sources = [source / word.lstrip("/") for word in words[:-1]]
        else:
            sources = [self.scratch / "context" / word for word in words[:-1]]
        to = self.folder / self.at(words[-1])
        for source in sources:
            into = to / source.name if words[-1].endswith("/") else to
            into.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(
                    source,
                    into,
                    symlinks=True,
                    copy_function=link,
                    dirs_exist_ok=True,
                )
            elif source.is_file():
                link(source, into)
            else:
                sys.exit(f"COPY needs what is there. Received: {source}")

    def run(self, line: Instruction) -> None:
        subprocess.run(["sh", "-n", "-c", line.rest], check=True)
        for words in line.commands():
            if words[0] in SYSTEM:
                say(f"  {words[0]}: left out, it changes the system")
            else:
                self.call([self.at(word) for word in words])

    def call(self, words: list[str]) -> None:
        """Runs a command as the stage would; ends everything if it fails."""
        start = time.monotonic()
        around = {k: v for k, v in os.environ.items() if NETWORK.match(k)}
        environment = around | self.environment
        program = shutil.which(words[0], path=self.environment["PATH"])
        if program is None:
            sys.exit(f"there is no such program. Received: {words[0]}")
        done = subprocess.run(
            [program, *words[1:]],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        seconds = time.monotonic() - start
        say(f"  {shlex.join(words)}: {done.returncode} in {seconds:.0f} s")
        if done.returncode:
            sys.exit("\n".join(done.stdout.splitlines()[-30:]))
        last = done.stdout.splitlines()[-1:]
        say(*(f"  | {text[:74]}" for text in last))

    def at(self, word: str) -> str:
        """A word with the absolute path in it laid into the root."""
        head, equals, tail = word.rpartition("=")
        if not tail.startswith("/"):
            return word
        return head + equals + str(self.root / tail.lstrip("/"))


def base_python(base: str) -> str:
    """This Python's program, if it is that of the image."""
    own = "{}.{}".format(*sys.version_info)
    if not base.startswith(f"python:{own}-"):
        sys.exit(
            "this is run by the Python of the image. "
            f"Received: Python {own} (image: {base}); "
            f"try make docker-check PYTHON=python{base[7:].split('-')[0]}"
        )
    return os.path.realpath(sys._base_executable)


def link(source: pathlib.Path | str, to: pathlib.Path | str) -> None:
    """A copy that takes no room, in place of what was there."""
    pathlib.Path(to).unlink(missing_ok=True)
    os.link(source, to, follow_symlinks=False)


def say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)


def fill_context(folder: pathlib.Path) -> None:
    """What .dockerignore lets into the build."""
    ignore = (CHECKOUT / ".dockerignore").read_text()
    for name in re.findall(r"^!(.*)", ignore, re.M):
        top = CHECKOUT / name
        for path in top.rglob("*") if top.is_dir() else [top]:
            inside = path.relative_to(CHECKOUT).as_posix()
            if path.is_file() and let_in(inside, ignore):
                to = folder / inside
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, to)


def main(file: str, flags: list[str]) -> None:
    stages = parse(pathlib.Path(file).read_text())
    with tempfile.TemporaryDirectory(prefix="docker_lines_") as folder:
        room = Room(pathlib.Path(folder))
        fill_context(room.scratch / "context")
        for stage in stages[:-1]:
            room.build(stage)
            room.leave(stage.name)
        room.build(stages[-1])
        for stage in stages[:-1]:
            shutil.rmtree(room.scratch / stage.name)
        command = stages[-1].each("CMD")[-1].words()
        for more in (["--help"], flags):
            say(f"CMD {shlex.join([*command, *more])}")
            room.call([room.at(word) for word in [*command, *more]])
    say(f"{file}: every line works")


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("which Dockerfile? Received: none")
    main(sys.argv[1], sys.argv[2:])
