"""The two ways a run ends badly, and the exit code of each."""


class InputError(ValueError):
    """What the user gave cannot be used: flags, data, files (exit code 2)."""


class RunError(RuntimeError):
    """The run itself failed: NaN loss, full disk (exit code 1)."""
