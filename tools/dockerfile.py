"""Dockerfiles as Python sees them; only the instructions that ours use."""

import dataclasses
import json
import re
import shlex
import textwrap

KNOWN = (
    *("FROM", "RUN", "COPY", "ENV", "WORKDIR", "USER", "VOLUME"),
    *("STOPSIGNAL", "EXPOSE", "CMD", "ENTRYPOINT"),
)
# What a RUN line may not hold, since only chains of && are understood.
SHELL = re.compile(r"[|;<>`$*]|&(?!&)(?<!&&)")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """A line of a Dockerfile, continued ones as one."""

    name: str
    rest: str
    line: int

    def words(self) -> list[str]:
        """As the shell splits them; a JSON list's items."""
        if self.rest.startswith("["):
            return json.loads(self.rest)
        return shlex.split(self.rest)

    def commands(self) -> list[list[str]]:
        """The words of each command of a chain joined by &&."""
        if SHELL.search(self.rest):
            raise ValueError(
                "a RUN line is commands joined by &&. "
                f"Received: {self.rest!r} in line {self.line}"
            )
        chain: list[list[str]] = [[]]
        for word in shlex.split(self.rest):
            if word == "&&":
                chain.append([])
            else:
                chain[-1].append(word)
        return chain


@dataclasses.dataclass(frozen=True)
class Stage:
    """From one FROM to the next."""

    base: str
    name: str
    instructions: list[Instruction]

    def each(self, name: str) -> list[Instruction]:
        return [line for line in self.instructions if line.name == name]


def parse(text: str) -> list[Stage]:
    """The stages of a Dockerfile."""
    stages: list[Stage] = []
    for line in instructions(text):
        if line.name == "FROM":
            base, _, name = line.rest.partition(" AS ")
            stages.append(Stage(base, name.strip(), []))
        elif stages:
            stages[-1].instructions.append(line)
        else:
            raise ValueError(
                f"a Dockerfile starts with FROM. Received: {line.name} in "
                f"line {line.line}"
            )
    return stages


def instructions(text: str) -> list[Instruction]:
    """Comments left out, continued lines joined."""
    found: list[Instruction] = []
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        start = start if held else number
        held += line.strip()
        if held.endswith("\\"):
            held = held[:-1]
            continue
        name, _, rest = held.partition(" ")
        if name not in KNOWN:
            raise ValueError(
                f"an instruction is one of {', '.join(KNOWN)}. "
                f"Received: {textwrap.shorten(held, 40)!r} in line {start}"
            )
        found.append(Instruction(name, rest.strip(), start))
        held = ""
    if held:
        raise ValueError(
            f"the last line must end. Received: a \\ in line {start}"
        )
    return found


def let_in(path: str, ignore: str) -> bool:
    """Whether a .dockerignore lets a path of the checkout into the build.

    The forms that ours has: `*`, then `!PATH` for what is let in and `**/NAME`
    for what is left out wherever it stands.
    """
    parts, inside = path.split("/"), True
    for line in ignore.splitlines():
        if not line or line.startswith("#"):
            continue
        if line == "*":
            inside = False
        elif line.startswith("!"):
            allowed = line[1:].split("/")
            inside = inside or parts[: len(allowed)] == allowed
        elif line.startswith("**/"):
            inside = inside and line[3:] not in parts
        else:
            raise ValueError(
                f"a line is *, !PATH or **/NAME. Received: {line!r}"
            )
    return inside
