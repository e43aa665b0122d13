"""Flagfiles: where they are looked for, and the flags that they hold.

One flag a line; `#` starts a comment line. A nested `--flagfile=` is looked for
beside the file that names it, then like one of the command line: in the working
folder, then among the built-in ones (`configs/`), so that
`--flagfile=configs/demo.flags` means something in any folder. Later lines win.
"""

import difflib
import os
import pathlib
from collections.abc import Iterable, Sequence

from kerastricks.errors import InputError

_PACKAGE = pathlib.Path(__file__).resolve().parent
# Within an installed package; beside the package in a checkout (setup.py).
BUILT_IN = next(
    (
        folder
        for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs")
        if folder.is_dir()
    ),
    _PACKAGE / "configs",
)
CLOSE = 0.6  # difflib's own idea of a near match


def expand_flagfiles(argv: Sequence[str]) -> list[str]:
    """Flagfiles' lines first, then the command line, which so wins."""
    from_files: list[str] = []
    typed: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("--flagfile", "-flagfile"):
            from_files += read_flagfile(value if equals else next(words, ""))
        else:
            typed.append(word)
    return from_files + typed


def read_flagfile(
    name: str, open_files: Sequence[pathlib.Path] = ()
) -> list[str]:
    """The flags in a file and in those it names."""
    path = find_flagfile(name, open_files)
    if path in open_files:
        raise InputError(
            f"a flagfile must not include itself. Received: {path}"
        )
    flags: list[str] = []
    for line in map(str.strip, read_lines(path, name, open_files)):
        key, _, value = line.partition("=")
        if key.lstrip("-") == "flagfile":
            flags += read_flagfile(value.strip(), [*open_files, path])
        elif line.startswith("-"):
            flags.append(line)
        elif line and not line.startswith("#"):
            raise InputError(
                f"a line of a flagfile is --flag=value or a # comment. "
                f"Received: {line!r} in {path}"
            )
    return flags


def read_lines(
    path: pathlib.Path, name: str, open_files: Sequence[pathlib.Path]
) -> list[str]:
    """The lines of the file that was asked for by this name."""
    received = f"Received: --flagfile={name}"
    if open_files:
        received += f" in {open_files[-1]}"
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
        return text.splitlines()
    except FileNotFoundError:
        raise InputError(
            "there is no such flagfile, here or built in. "
            f"{received}.{near(name)}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the flagfile cannot be read ({error}). {received}"
        ) from None


def find_flagfile(
    name: str, open_files: Sequence[pathlib.Path]
) -> pathlib.Path:
    """The first that is there; the one in the working folder if none is."""
    here = pathlib.Path(os.path.expanduser(name))
    found = [here, *built_in(here)]
    if open_files:
        found.insert(0, open_files[-1].parent / name)
    path = next((path for path in found if path.is_file()), here)
    return path.resolve()


def built_in(name: pathlib.Path) -> Iterable[pathlib.Path]:
    """Where a built-in one of this name is: configs/NAME or NAME."""
    if name.is_absolute():
        return
    yield BUILT_IN / name
    if name.parts[:1] == ("configs",):
        yield BUILT_IN / name.relative_to("configs")


def names() -> list[str]:
    """Of all built-in flagfiles, as one would type them."""
    return sorted(
        f"configs/{path.relative_to(BUILT_IN).as_posix()}"
        for path in BUILT_IN.rglob("*.flags")
    )


def near(name: str) -> str:
    """A sentence with the built-in ones that may have been meant."""
    known = names()
    stems = {path: pathlib.PurePosixPath(path).stem for path in known}
    stem = pathlib.PurePath(name).stem
    alike = difflib.get_close_matches(stem, stems.values(), n=3, cutoff=CLOSE)
    meant = [path for close in alike for path in known if stems[path] == close]
    if meant:
        return f" Did you mean {', '.join(dict.fromkeys(meant))}?"
    folders = sorted({path.rpartition("/")[0] for path in known})
    return f" Built in: {', '.join(f'{folder}/' for folder in folders)}"
