"""What the tests share."""

from __future__ import annotations

import http.client
import json
import os
import time
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from neonbench import Mock, Target

pytest_plugins = ["pytester"]


def send(mock: Mock | Target, verb: str, path: str, body: object = None, key: str | None = None) -> tuple[int, Any]:
    """Status and JSON of a call, by the standard library alone."""
    url = urlsplit(mock.base_url)
    basic = b64encode(f"{mock.org_id}:{key or mock.api_key}".encode()).decode()
    connection = http.client.HTTPConnection(url.netloc, timeout=10)
    try:
        text = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        connection.request(verb, url.path + path, text, headers)
        answer = connection.getresponse()
        read = answer.read()
        return answer.status, json.loads(read) if read else None
    finally:
        connection.close()


def write(mock: Mock | Target, account: int, value: str, field: str = "88") -> int:
    """Status of a write of a field; 88 is T-1 of the organisation without a plan."""
    items = [{"id": field, "value": value}]
    return send(mock, "PATCH", f"/accounts/{account}", {"individualAccount": {"accountCustomFields": items}})[0]


def value_of(mock: Mock, account: int, field: str) -> str | None:
    """Value of a custom field by its name."""
    items = mock.get(f"/accounts/{account}")["individualAccount"]["accountCustomFields"]
    return next((item["value"] for item in items if item["name"] == field), None)


def is_alive(pid: int) -> bool:
    """True for a process that runs; a zombie does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123 - gone in between
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def ends() -> Callable[[int], bool]:
    """Wait up to ten seconds for the end of a process; true if it ended."""
    if not os.path.isdir("/proc/self"):  # noqa: PTH112
        pytest.skip("there is no /proc")

    def wait(pid: int) -> bool:
        until = time.monotonic() + 10
        while is_alive(pid) and time.monotonic() < until:
            time.sleep(0.01)
        return not is_alive(pid)

    return wait
