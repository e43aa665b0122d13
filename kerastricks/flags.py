"""Recipe <-> command line; the only file that knows absl's flags.

What is typed on the command line wins over flagfiles (flagfiles.py).
"""

import dataclasses
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from absl import flags as absl_flags

from kerastricks import __version__
from kerastricks.config import (
    ELSEWHERE,
    INSTEAD,
    SECTIONS,
    Recipe,
    leaves,
    meant,
)
from kerastricks.errors import InputError
from kerastricks.flagfiles import expand_flagfiles


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag: a leaf of the recipe or an option of a single command."""

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    section: str = "options"


RECIPE_FLAGS = tuple(
    Flag(
        field.name,
        field.default,
        field.metadata["help"],
        field.metadata["choices"],
        section,
    )
    for section, field in leaves()
)


def parse_recipe(argv: Sequence[str], usage: str) -> Recipe:
    """The recipe that a command line and its flagfiles describe."""
    return parse_said(argv, usage)[0]


def parse_said(argv: Sequence[str], usage: str) -> tuple[Recipe, set[str]]:
    """The same, and the flags that were named, be it with their defaults."""
    table, rest = read(argv, usage, RECIPE_FLAGS)
    if rest:
        raise InputError(
            "this command takes flags only, each as --name=value. "
            f"Received: {' '.join(rest)}"
        )
    said = {flag.name for flag in RECIPE_FLAGS if table[flag.name].present}
    return Recipe(**values_of(table, RECIPE_FLAGS)).validate(), said


def parse(
    argv: Sequence[str], usage: str, flags: Sequence[Flag]
) -> tuple[dict[str, Any], list[str]]:
    """(values by name, positional arguments) of a command line."""
    table, rest = read(argv, usage, flags)
    return values_of(table, flags), rest


def values_of(
    table: absl_flags.FlagValues, flags: Sequence[Flag]
) -> dict[str, Any]:
    return {
        flag.name: from_flag(flag, table[flag.name].value) for flag in flags
    }


def read(
    argv: Sequence[str], usage: str, flags: Sequence[Flag]
) -> tuple[absl_flags.FlagValues, list[str]]:
    """(flags, positional arguments) of a command line.

    Prints the help and exits if that is what was asked for.
    """
    if {"--help", "-h", "--helpfull", "-help"} & set(argv):
        print(help_text(usage, flags))
        sys.exit(0)
    table = define(flags)
    try:
        rest = table(["kerastricks", *expand_flagfiles(argv)])[1:]
    except InputError:
        raise
    except absl_flags.UnrecognizedFlagError as error:
        raise InputError(unknown_flag(error, flags)) from None
    except (absl_flags.Error, ValueError) as error:  # absl's own, too
        raise InputError(f"{error} (see --help)") from None
    return table, rest


def parse_alone(
    command: str, argv: Sequence[str], usage: str, flags: Sequence[Flag]
) -> dict[str, Any]:
    """The values, for a command that takes nothing but flags."""
    values, rest = parse(argv, usage, flags)
    if rest:
        raise InputError(
            f"{command} takes flags only. Received: {' '.join(rest)}"
        )
    return values


def define(flags: Sequence[Flag]) -> absl_flags.FlagValues:
    """A table of these flags alone, apart from absl's global one."""
    table = absl_flags.FlagValues()
    table.set_gnu_getopt(True)  # files and flags in any order
    kinds = {
        bool: absl_flags.DEFINE_boolean,
        int: absl_flags.DEFINE_integer,
        float: absl_flags.DEFINE_float,
    }
    for flag in flags:
        if flag.choices:
            absl_flags.DEFINE_enum(
                flag.name,
                flag.default,
                flag.choices,
                flag.help,
                flag_values=table,
            )
            continue
        make = kinds.get(type(flag.default), absl_flags.DEFINE_string)
        make(
            flag.name,
            flag_text(flag.default)
            if make is absl_flags.DEFINE_string
            else flag.default,
            flag.help,
            flag_values=table,
        )
    return table


def from_flag(flag: Flag, value: Any) -> Any:
    """A flag's value in the type of its default (tuples are 1,2,3)."""
    if not isinstance(flag.default, tuple):
        return value
    try:
        return tuple(float(number) for number in value.split(","))
    except ValueError:
        raise InputError(
            f"{flag.name} must be numbers with commas between. "
            f"Received: {flag.name}={value}"
        ) from None


def flag_text(value: Any) -> str:
    """A value as one would type it."""
    if isinstance(value, tuple):
        return ",".join(repr(number) for number in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def unknown_flag(
    error: absl_flags.UnrecognizedFlagError, flags: Sequence[Flag]
) -> str:
    """The message for an unknown flag, with the nearest that exists."""
    names = [flag.name for flag in flags]
    name = error.flagname.replace("-", "_")
    if name not in ELSEWHERE | INSTEAD:
        name = name.removeprefix("no")
    hint = meant(name, names)
    return f"no such flag. Received: --{error.flagname}.{hint}"


def recipe_text(recipe: Recipe) -> str:
    """A flagfile that replays the recipe in full, whatever defaults become."""
    lines = [
        f"# kerastricks {__version__}. Replays this run:",
        "#   python -m kerastricks.train --flagfile=recipe.flags --run_dir=NEW",
    ]
    values = recipe.values()
    for section, field in leaves():
        if f"# {section}" not in lines:
            lines += ["", f"# {section}"]
        if field.name != "run_dir":
            lines.append(f"--{field.name}={flag_text(values[field.name])}")
    return "\n".join(lines) + "\n"


def help_text(usage: str, flags: Sequence[Flag]) -> str:
    """Usage, then the flags grouped by section with their defaults."""
    blocks = [usage.strip()]
    for section, group in by_section(flags):
        about = SECTIONS[section].__doc__ if section in SECTIONS else None
        title = f"{section}: {about}" if about else f"{section}:"
        blocks.append("\n".join([title, *map(flag_help, group)]))
    blocks.append(
        "Flags may stand in files, --flagfile=FILE (nested files, # comments); "
        "the\ncommand line wins. The built-in configs/*.flags are found from "
        "any folder.\nA switch is turned off by --noNAME or --NAME=false."
    )
    return "\n\n".join(blocks)


def by_section(flags: Sequence[Flag]) -> Iterable[tuple[str, list[Flag]]]:
    """Flags in groups, in the order in which sections first appear."""
    groups: dict[str, list[Flag]] = {}
    for flag in flags:
        groups.setdefault(flag.section, []).append(flag)
    return groups.items()


def flag_help(flag: Flag) -> str:
    """One flag's lines of the help."""
    default = flag_text(flag.default) or "''"
    head = f"  --{flag.name}={default}"
    about = textwrap.wrap(flag.help, 50)
    if len(head) > 28:
        return "\n".join([head, *(" " * 30 + line for line in about)])
    first, *others = about
    return "\n".join(
        [f"{head:<30}{first}", *(" " * 30 + line for line in others)]
    )
