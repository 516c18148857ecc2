"""`Mock`: its life, what it shows, and how it fails."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from conftest import is_alive, send, value_of, write

import neonbench
from neonbench import Mock, NeonbenchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_it_answers_with_the_credentials(neon: Mock) -> None:
    status, account = send(neon, "GET", "/accounts/7")
    assert (status, account["individualAccount"]["accountId"]) == (200, "7")
    assert neon.get("/accounts/7") == account


def test_wrong_credentials_are_refused_and_counted(neon: Mock) -> None:
    assert send(neon, "GET", "/accounts/7", key="wrong")[0] == 401
    assert (neon.counters().unauthorized, neon.counters().total) == (1, 0)


def test_credentials_are_those_given() -> None:
    with Mock(org_id="mine", api_key="secret") as mock:
        assert mock.credentials == ("mine", "secret")
        assert mock.environ == {
            "NEON_BASE_URL": mock.base_url,
            "NEON_ORG_ID": "mine",
            "NEON_API_KEY": "secret",
        }
        assert send(mock, "GET", "/accounts/1")[0] == 200


def test_nothing_runs_outside_the_block(ends: Callable[[int], bool]) -> None:
    mock = Mock()
    with pytest.raises(NeonbenchError, match="inside `with`"):
        print(mock.base_url)
    with mock:
        pid = mock.pid
        assert is_alive(pid)
    assert ends(pid)
    with pytest.raises(NeonbenchError, match="inside `with`"):
        mock.calls()


def test_a_mock_starts_again_and_does_not_start_twice() -> None:
    mock = Mock()
    with mock:
        write(mock, 7, "new")
        with pytest.raises(NeonbenchError, match="runs already"):
            mock.__enter__()
        assert mock.changed_accounts() == 1
    with mock:
        assert mock.changed_accounts() == 0


def test_an_error_in_the_block_stops_it(ends: Callable[[int], bool]) -> None:
    mock = Mock()
    pids = []

    def fail() -> None:
        with mock:
            pids.append(mock.pid)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ends(pids[0])


def test_calls_come_in_order_with_queries_and_bodies(neon: Mock) -> None:
    write(neon, 7, "new")
    send(neon, "GET", "/accounts?email=a%40b.org")
    send(neon, "GET", "/accounts/999999")
    first, second, third = neon.calls()
    assert (first.verb, first.path, first.status) == ("PATCH", "/v2/accounts/7", 200)
    assert first.body["individualAccount"]["accountCustomFields"][0]["value"] == "new"
    assert second.query == "email=a%40b.org"
    assert (third.status, third.error[0]["code"]) == (404, third.raw["error"][0]["code"])
    assert first.at_s <= second.at_s <= third.at_s
    assert 0 < first.response_s < 5
    assert str(third).startswith("GET /v2/accounts/999999 404 ")
    assert [call.path for call in neon.calls(limit=1)] == [third.path]


def test_values_can_be_left_out(neon: Mock) -> None:
    write(neon, 7, "personal")
    assert "personal" not in str(neon.calls(values=False)[0].raw)
    assert "personal" in str(neon.calls()[0].raw)


def test_counters_go_by_endpoint(neon: Mock) -> None:
    write(neon, 7, "new")
    send(neon, "GET", "/accounts/999999")
    counters = neon.counters()
    assert (counters.total, counters.failed, counters.rejected, counters.in_flight) == (2, 1, 0, 0)
    assert counters.by_endpoint["GET /accounts/{id}"] == {"admitted": 1, "rejected": 0, "failed": 1}


def test_a_write_changes_the_digest_and_a_reset_takes_it_back(neon: Mock) -> None:
    before = neon.state_digest()
    assert write(neon, 7, "new") == 200
    assert (value_of(neon, 7, "T-1"), neon.changed_accounts()) == ("new", 1)
    assert neon.state_digest() != before
    neon.reset()
    assert (neon.state_digest(), neon.calls()) == (before, [])


def test_a_reset_with_a_seed_is_the_mock_of_that_seed(neon: Mock) -> None:
    first = neon.state_digest()
    with Mock(seed=2) as other:
        neon.reset(seed=2)
        assert first != neon.state_digest() == other.state_digest()


def test_a_snapshot_is_restored(neon: Mock) -> None:
    write(neon, 7, "one")
    neon.snapshot("one")
    one = neon.state_digest()
    for value in ("two", "three"):
        write(neon, 7, value)
        assert neon.state_digest() != one
        neon.restore("one")
        assert (neon.state_digest(), neon.counters().total) == (one, 1)
    with pytest.raises(NeonbenchError, match="no snapshot `two`; there are `one`"):
        neon.restore("two")


def test_the_next_calls_fail_as_ordered(neon: Mock) -> None:
    neon.fail_next(503, "reset-before", 429)
    assert send(neon, "GET", "/accounts/1")[0] == 503
    with pytest.raises(ConnectionError):
        send(neon, "GET", "/accounts/1")
    assert send(neon, "GET", "/accounts/1")[0] == 429
    assert send(neon, "GET", "/accounts/1")[0] == 200
    assert [call.status for call in neon.calls()] == [503, None, 429, 200]


def test_a_way_to_fail_that_does_not_exist_is_refused(neon: Mock) -> None:
    with pytest.raises(NeonbenchError, match="`timeout`"):
        neon.fail_next("time-out")
    with pytest.raises(NeonbenchError, match="status 42"):
        neon.fail_next(42)


def test_calls_fail_by_rule(neon: Mock) -> None:
    neon.fail(status=429, endpoints=["PATCH /accounts/{id}"], records=[7], first=2)
    assert [write(neon, account, "x") for account in (7, 8, 7, 7)] == [429, 200, 429, 200]
    with pytest.raises(NeonbenchError, match="unknown field"):
        neon.fail(state=429)


@pytest.mark.neon(profile="constant")
def test_the_limits_are_those_of_the_profile(neon: Mock) -> None:
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(lambda _: send(neon, "GET", "/accounts/1")[0], range(6)))
    assert statuses == [200, 200, 200, 200, 200, 429]
    assert neon.counters().rejected == 1


def test_a_profile_changes_while_it_runs(neon: Mock) -> None:
    neon.set_profile("constant")
    assert send(neon, "GET", "/accounts/1")[0] == 200
    assert neon.calls()[0].response_s >= 0.2
    times = "".join(
        f'{it} = {{ law = "constant", time = "1ms" }}\n' for it in ("get", "patch", "put", "search", "metadata")
    )
    neon.set_profile_toml(f"schema = 1\n[limits]\npool = 2\n[service]\n{times}")
    send(neon, "GET", "/accounts/1")
    assert neon.calls()[-1].response_s < 0.2
    with pytest.raises(NeonbenchError, match="no built-in profile `const`"):
        neon.set_profile("const")


def test_a_wrong_setting_says_what_is_wrong() -> None:
    with pytest.raises(NeonbenchError, match="documented"), Mock(profile="docmented"):
        pass
    with pytest.raises(NeonbenchError, match="resources"), Mock(resources=-1):
        pass


def test_a_plan_brings_its_fields(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('schema = 1\n[[mappings]]\nsource = "Old"\ntarget = "New"\noperation = "replace"\n')
    with Mock(plan=plan) as mock:
        names = {field["name"] for field in mock.get("/customFields?category=Account")}
        assert {"Old", "New"} <= names


def test_a_dataset_and_a_size() -> None:
    with Mock(dataset="companies", resources=12, mappings=2) as mock:
        assert send(mock, "GET", "/accounts/12")[0] == 200
        assert send(mock, "GET", "/accounts/13")[0] == 404
        assert mock.get("/accounts?userType=COMPANY")["pagination"]["totalResults"] > 0


def test_a_scenario_has_its_own_profile() -> None:
    with Mock(scenario="guide-1") as mock:
        send(mock, "GET", "/accounts/1")
        assert mock.calls()[0].raw["drawn_ns"] > 0


def test_a_proxy_does_not_come_between(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Mock() as mock:
        assert mock.get("/accounts/1")["individualAccount"]["accountId"] == "1"


def test_two_mocks_know_nothing_of_each_other() -> None:
    with Mock() as one, Mock() as two:
        assert one.base_url != two.base_url
        write(one, 7, "new")
        assert (one.changed_accounts(), two.changed_accounts(), two.calls()) == (1, 0, [])


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_process_leaves_no_mock(ends: Callable[[int], bool]) -> None:
    script = "import neonbench\nwith neonbench.Mock() as mock:\n    print(mock.pid, flush=True)\n    input()\n"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    pid = int(process.stdout.readline())
    assert is_alive(pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert ends(pid)
    process.stdin.close()
    process.stdout.close()


def test_the_binary_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    said = subprocess.run([sys.executable, "-m", "neonbench", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"neonbench {version('neonbench')}\n"
    monkeypatch.setenv("NEONBENCH", "/nowhere/neonbench")
    assert str(neonbench.find_binary()) == "/nowhere/neonbench"
    with pytest.raises(FileNotFoundError), Mock():
        pass
