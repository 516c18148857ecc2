"""The fixture, as the tests of somebody else use it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

#: A test that writes the same account as its neighbour, waits until that has written, too, and finds its own value.
SIDE_BY_SIDE = """
    import os, pathlib, time
    import pytest
    from neonbench import Mock

    here = pathlib.Path(__file__).parent

    @pytest.mark.parametrize("own", ["one", "two"])
    def test_side_by_side(neon: Mock, own, worker_id):
        import http.client, json, base64
        basic = base64.b64encode(b"demo:demo").decode()
        connection = http.client.HTTPConnection(neon.base_url.split("/")[2])
        body = {"individualAccount": {"accountCustomFields": [{"id": "88", "value": own}]}}
        connection.request("PATCH", "/v2/accounts/7", json.dumps(body), {"Authorization": "Basic " + basic})
        assert connection.getresponse().read() is not None
        (here / (own + ".written")).write_text(worker_id)
        until = time.monotonic() + 20
        while len(list(here.glob("*.written"))) < 2:
            assert time.monotonic() < until, "the neighbour did not come"
            time.sleep(0.01)
        items = neon.get("/accounts/7")["individualAccount"]["accountCustomFields"]
        assert [item["value"] for item in items if item["id"] == "88"] == [own]
        assert neon.counters().total == 2
"""


def test_each_test_has_a_mock_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        seen = set()

        def test_one(neon):
            seen.add(neon.pid)
            neon.get("/accounts/1")
            assert len(neon.calls()) == 1

        def test_two(neon):
            assert neon.pid not in seen
            assert neon.calls() == []
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_a_marker_has_settings_and_the_nearest_wins(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import pytest

        pytestmark = pytest.mark.neon(resources=5, seed=2)

        def test_of_the_module(neon):
            assert neon.get("/accounts")["pagination"]["totalResults"] == 5
            assert neon.seed == 2

        @pytest.mark.neon(resources=6)
        def test_of_its_own(neon):
            assert neon.get("/accounts")["pagination"]["totalResults"] == 6
            assert neon.seed == 2
    """)
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=2)


def test_a_failure_shows_the_latest_calls(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_fails(neon):
            neon.get("/accounts/7")
            assert False
    """)
    ended = pytester.runpytest_subprocess()
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*Neon calls, the latest last*", "GET /v2/accounts/7 200 *"])


def test_the_fixture_is_listed(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--fixtures").stdout.fnmatch_lines(["neon -- *", "*A mock of the Neon CRM API*"])
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.neon(profile=*"])


def test_two_tests_side_by_side_do_not_disturb_one_another(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SIDE_BY_SIDE)
    pytester.runpytest_subprocess("-n", "2").assert_outcomes(passed=2)
    workers = {file.read_text() for file in pytester.path.glob("*.written")}
    assert workers == {"gw0", "gw1"}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("more", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_a_killed_test_leaves_no_process(
    pytester: pytest.Pytester, ends: Callable[[int], bool], more: list[str]
) -> None:
    pytester.makepyfile("""
        import os, pathlib, time

        def test_waits(neon):
            (pathlib.Path(__file__).parent / "pids.part").write_text(f"{os.getpid()} {neon.pid}")
            os.rename("pids.part", "pids")
            time.sleep(60)
    """)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *more], cwd=pytester.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 30
    while not (pytester.path / "pids").exists():
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    test, mock = map(int, (pytester.path / "pids").read_text().split())
    os.kill(test, signal.SIGKILL)
    assert ends(mock)
    process.kill()
    process.wait()
