"""`run`, `analyze` and `judge` of the binary."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from neonbench._binary import complaint, find_binary, flags, output_of
from neonbench._errors import NeonbenchError, NotCorrectError
from neonbench._records import Analysis, RunRecord, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

#: Exit codes of `run` and `judge` that come with a record: a run whose accounts failed, one with an invalid audit.
_WITH_RECORD = (0, 3, 5, 11)

#: The variable that tells a stand-in whom to report to.
_STAND_IN = "NEONBENCH_STAND_IN"

#: A flag's value; True for a flag without one.
Setting: TypeAlias = "str | int | float | bool | os.PathLike[str] | None"


def run(**settings: Setting) -> RunRecord:
    """Run one migration in virtual time: `run(plan="plan.toml", strategy="pipelined", seed=7)`.

    `settings` are the flags of `neonbench run`, with underscores. Nothing is stored unless `store` names a file.
    Raises `NeonbenchError` for a wrong setting, and leaves failed accounts to the record.
    """
    words = ["run", "--json", "--quiet", *flags(no_store="store" not in settings, **settings)]
    return RunRecord.of(json.loads(output_of(words, accepted=_WITH_RECORD)))


def analyze(**settings: Setting) -> Analysis:
    """Recommend a strategy, and forecast its time: `analyze(resources=500, mappings=8)`.

    `settings` are the flags of `neonbench analyze`, with underscores.
    """
    return Analysis.of(json.loads(output_of(["analyze", "--json", "--quiet", *flags(**settings)])))


@dataclass(frozen=True)
class Target:
    """Where a judged callable finds the mock."""

    base_url: str
    org_id: str
    api_key: str

    @property
    def environ(self) -> dict[str, str]:
        """The same as variables of the environment."""
        return {"NEON_BASE_URL": self.base_url, "NEON_ORG_ID": self.org_id, "NEON_API_KEY": self.api_key}


def judge(
    plan: str | os.PathLike[str] | None,
    client: Callable[[Target], Any] | Callable[[], Any],
    *,
    check: bool = False,
    **settings: Setting,
) -> Verdict:
    """Run `client` against a mock, and compare the state that it leaves with `plan`.

    The callable runs in this process, and gets a `Target` if it takes an argument; `NEON_BASE_URL`, `NEON_ORG_ID`
    and `NEON_API_KEY` are set meanwhile. Its exceptions come through. `settings` are the flags of
    `neonbench judge`, such as `profile`, `dataset`, `resources` and `seed`; without a plan, `mappings`.

    Raises `NotCorrectError` if `check` is set and the verdict is another than `correct`.
    """
    settings.setdefault("name", getattr(client, "__name__", "callable"))
    words = ["judge", "--json", "--quiet", *flags(plan=plan, no_store="store" not in settings, **settings)]
    # The command of the judge is a stand-in: it reports where the mock is, and ends when the callable has.
    words += ["--env", _STAND_IN, "--", sys.executable, "-I", str(Path(__file__).with_name("_stand_in.py"))]
    secret = secrets.token_hex()
    with tempfile.TemporaryFile() as complaints, socket.create_server(("127.0.0.1", 0)) as server:
        environ = {**os.environ, _STAND_IN: f"{server.getsockname()[1]} {secret}"}
        process = subprocess.Popen([str(find_binary()), *words], env=environ, stdout=subprocess.PIPE, stderr=complaints)
        try:
            _stand_by(server, process, client, secret)
            printed = process.communicate()[0]
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate()
        if process.returncode not in _WITH_RECORD or not printed:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace")
            raise NeonbenchError(complaint(said, process.returncode))
    verdict = Verdict.of(json.loads(printed))
    if check and not verdict.is_correct:
        raise NotCorrectError(_in_words(verdict))
    return verdict


def _stand_by(server: socket.socket, process: subprocess.Popen[bytes], client: Callable[..., Any], secret: str) -> None:
    """Run `client` once the stand-in has reported, unless the judge ends before."""
    server.settimeout(0.05)
    while process.poll() is None:
        try:
            connection, _ = server.accept()
        except TimeoutError:
            continue
        connection.settimeout(None)
        with connection, connection.makefile("rw", encoding="utf-8") as stream:
            report = json.loads(stream.readline() or "{}")
            if report.pop("secret", None) != secret:
                continue
            _call(client, Target(**report))
            # A judge whose patience ended before has cut the stand-in.
            with contextlib.suppress(OSError):
                stream.write("done\n")
                stream.flush()
            return


def _call(client: Callable[..., Any], target: Target) -> None:
    """Call `client` with the variables of `target`, and with it if it takes an argument."""
    arguments = [target] if inspect.signature(client).parameters else []
    before = {name: os.environ.get(name) for name in target.environ}
    os.environ.update(target.environ)
    try:
        client(*arguments)
    finally:
        for name, text in before.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text


def _in_words(verdict: Verdict) -> str:
    """What is wrong, with the first differences and errors."""
    counts = {
        "wrong": verdict.wrong,
        "lost": verdict.lost,
        "untouched": verdict.untouched,
        "stray": verdict.stray,
    }
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    details = [json.dumps(it, ensure_ascii=False) for it in [*verdict.differences[:3], *verdict.errors[:3]]]
    head = f"{verdict.verdict}: {verdict.correct} of {verdict.accounts} accounts are correct"
    return "\n  ".join([", ".join([head, *parts]), *details])
