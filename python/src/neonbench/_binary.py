"""Where the binary is, and how it is called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from neonbench._errors import NeonbenchError


def find_binary() -> Path:
    """The binary: `$NEONBENCH`, that of the wheel, or one on the path.

    Raises `NeonbenchError` if there is none.
    """
    named = os.environ.get("NEONBENCH")
    if named:
        return Path(named)
    name = "neonbench.exe" if sys.platform == "win32" else "neonbench"
    schemes = [sysconfig.get_path("scripts")]
    # `pip install --user` and `pip install --target` put it elsewhere.
    user = sysconfig.get_preferred_scheme("user")
    schemes += [sysconfig.get_path("scripts", scheme=user), str(Path(__file__).parent.parent / "bin")]
    for folder in schemes:
        candidate = Path(folder) / name
        if candidate.is_file():
            return candidate
    found = shutil.which(name)
    if found is None:
        raise NeonbenchError("the binary `neonbench` was not found; $NEONBENCH can name it")
    return Path(found)


def flags(**settings: str | int | float | bool | os.PathLike[str] | None) -> list[str]:
    """Command-line flags of `settings`: underscores become hyphens; None and False leave a flag out."""
    words: list[str] = []
    for name, value in settings.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(os.fspath(value) if isinstance(value, os.PathLike) else str(value))
    return words


def output_of(words: list[str], *, accepted: tuple[int, ...] = (0,)) -> str:
    """Standard output of `neonbench` with `words`.

    Raises `NeonbenchError` with what it complained about if its exit code is not among `accepted`.
    """
    ended = subprocess.run([str(find_binary()), *words], capture_output=True, text=True, check=False)
    if ended.returncode not in accepted:
        raise NeonbenchError(complaint(ended.stderr, ended.returncode))
    return ended.stdout


def complaint(stderr: str, code: int) -> str:
    """What a process said before it ended with `code`."""
    said = stderr.strip()
    return f"neonbench ended with {code}: {said}" if said else f"neonbench ended with {code}"
