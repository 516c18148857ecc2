"""The mock: a process of the binary, and its admin routes."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import tempfile
from base64 import b64encode
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from neonbench._binary import complaint, find_binary, flags
from neonbench._errors import NeonbenchError
from neonbench._records import Call, Counters

if TYPE_CHECKING:
    import os
    from types import TracebackType


#: Seconds that an admin route may take.
_PATIENCE_S = 30.0


class Mock:
    """A mock of the Neon CRM API v2 on a free port of this machine.

    It runs inside a `with` block, and ends with it. A killed interpreter leaves no mock behind: the mock ends when
    the pipe to its standard input does.
    """

    def __init__(
        self,
        *,
        profile: str | os.PathLike[str] = "unlimited",
        dataset: str | os.PathLike[str] | None = None,
        plan: str | os.PathLike[str] | None = None,
        scenario: str | os.PathLike[str] | None = None,
        resources: int | None = None,
        mappings: int | None = None,
        seed: int = 1,
        org_id: str = "demo",
        api_key: str = "demo",
    ) -> None:
        """Describe a mock; nothing runs yet.

        `profile`, `dataset`, `plan` and `scenario` are names of built-ins or files, as of `neonbench serve`;
        `resources` is the number of accounts.
        """
        self.org_id = org_id
        self.api_key = api_key
        self.seed = seed
        self._words = ["serve", "--addr", "127.0.0.1:0", "--json", "--exit-with-stdin"]
        self._words += flags(
            profile=None if scenario is not None and profile == "unlimited" else profile,
            dataset=dataset,
            plan=plan,
            scenario=scenario,
            resources=resources,
            mappings=mappings,
            seed=seed,
            org_id=org_id,
            api_key=api_key,
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._start: dict[str, Any] = {}
        self._complaints: IO[bytes] | None = None

    def __enter__(self) -> Mock:
        """Start the mock; it answers when this returns."""
        if self._process is not None:
            raise NeonbenchError("the mock runs already")
        self._complaints = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(find_binary()), *self._words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
        )
        assert self._process.stdout is not None
        try:
            # The line comes once the mock answers; without one the process has ended.
            line = self._process.stdout.readline()
            if not line:
                code = self._process.wait()
                self._complaints.seek(0)
                raise NeonbenchError(complaint(self._complaints.read().decode(errors="replace"), code))
            self._start = json.loads(line)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the mock. Calls in flight are cut."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        if self._complaints is not None:
            self._complaints.close()
            self._complaints = None

    @property
    def base_url(self) -> str:
        """Address for clients: `http://127.0.0.1:PORT/v2`."""
        return str(self._running("base_url"))

    @property
    def admin_url(self) -> str:
        """Address of the admin routes: `http://127.0.0.1:PORT/__mock/`."""
        return str(self._running("admin_url"))

    @property
    def admin_token(self) -> str:
        """Bearer token of the admin routes."""
        return str(self._running("admin_token"))

    @property
    def pid(self) -> int:
        """Process id of the mock."""
        return int(self._running("pid"))

    @property
    def credentials(self) -> tuple[str, str]:
        """Organisation id and API key: user and password of Basic authentication."""
        return self.org_id, self.api_key

    @property
    def environ(self) -> dict[str, str]:
        """`NEON_BASE_URL`, `NEON_ORG_ID` and `NEON_API_KEY`, as a judged client finds them."""
        return {"NEON_BASE_URL": self.base_url, "NEON_ORG_ID": self.org_id, "NEON_API_KEY": self.api_key}

    def calls(self, *, limit: int = 1_000, values: bool = True) -> list[Call]:
        """The latest calls, oldest first: at most 1,000. Without `values` queries and bodies have `…` for them."""
        answer = self._admin("GET", f"journal?limit={limit}&values={str(values).lower()}")
        return [Call.of(call) for call in reversed(answer["calls"])]

    def counters(self) -> Counters:
        """All calls since the start or the latest reset, as numbers."""
        return Counters.of(self._admin("GET", "counters"))

    def state_digest(self) -> str:
        """Digest of all values of the organisation: the same values, the same digest."""
        return str(self._admin("GET", "state")["digest"])

    def changed_accounts(self) -> int:
        """Number of accounts that were ever written to."""
        return int(self._admin("GET", "state")["changed_accounts"])

    def fail_next(self, *ways: int | str) -> None:
        """Make the next calls fail, one for each way.

        A status such as 503, or a kind such as "timeout", "reset-before" or "truncated"; `neonbench serve --help`
        and the book list them. Statuses are not carried out; kinds say so.
        """
        for way in ways:
            statuses_or_kinds = "statuses" if isinstance(way, int) else "kinds"
            self._admin("POST", "faults", {statuses_or_kinds: [way]})

    def fail(self, **rule: Any) -> None:  # noqa: ANN401 - the mock checks the members, and names a wrong one
        """Make calls fail by rule: `fail(status=429, endpoints=["PATCH /accounts/{id}"], records=[7], first=2)`.

        The members are those of `[[faults]]` in a profile.
        """
        self._admin("POST", "faults", {"tables": [rule]})

    def set_profile(self, name: str) -> None:
        """Put another built-in profile of limits and response times in force."""
        self._admin("POST", "profile", {"name": name})

    def set_profile_toml(self, text: str) -> None:
        """Put the profile that `text` has in TOML in force."""
        self._admin("POST", "profile", text)

    def reset(self, *, seed: int | None = None) -> None:
        """Make all as at the start: organisation, profile, faults, counters, journal; or as another seed makes it."""
        self._admin("POST", "reset", {} if seed is None else {"seed": seed})

    def snapshot(self, name: str = "default") -> None:
        """Keep the state under a name, for `restore`."""
        self._admin("POST", "snapshot", {"name": name})

    def restore(self, name: str = "default") -> None:
        """Go back to a snapshot. The journal begins anew."""
        self._admin("POST", "restore", {"name": name})

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON of any shape
        """The JSON that a client of the API gets at `path`, such as `/accounts/7`.

        It counts as a call. Raises `NeonbenchError` unless the status is 200.
        """
        basic = b64encode(f"{self.org_id}:{self.api_key}".encode()).decode()
        path = urlsplit(self.base_url).path + path
        return self._call("GET", path, b"", {"Authorization": f"Basic {basic}"})

    def _running(self, member: str) -> Any:  # noqa: ANN401 - a member of the start's JSON
        if self._process is None:
            raise NeonbenchError("the mock does not run: use it inside `with`")
        return self._start[member]

    def _admin(self, verb: str, route: str, body: dict[str, Any] | str | None = None) -> Any:  # noqa: ANN401
        data = body if isinstance(body, str) else "" if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        return self._call(verb, urlsplit(self.admin_url).path + route, data.encode(), headers)

    def _call(self, verb: str, path: str, body: bytes, headers: dict[str, str]) -> Any:  # noqa: ANN401
        # Not urllib: a proxy of the environment does not lead to this machine.
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=_PATIENCE_S)
        try:
            connection.request(verb, path, body or None, headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise NeonbenchError(_message(answer.status, text))
        return json.loads(text)


def _message(status: int, text: bytes) -> str:
    try:
        return f"{status}: {json.loads(text)[0]['message']}"
    except (ValueError, LookupError, TypeError):
        return f"{status}: {text.decode(errors='replace')}"
