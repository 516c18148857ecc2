"""`run`, `analyze` and `judge`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import send, write

from neonbench import NeonbenchError, NotCorrectError, Target, analyze, judge, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from neonbench import Verdict

#: One value is copied from V-1 to T-1.
PLAN = 'schema = 1\n[[mappings]]\nsource = "V-1"\ntarget = "T-1"\noperation = "replace"\n'


def judged(plan: Path, client: Callable[[Target], None] | Callable[[], None], *, check: bool = False) -> Verdict:
    """Judge with five accounts, and no limits."""
    return judge(plan, client, check=check, profile="unlimited", resources=5, seed=3)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    return file


def migrate(target: Target, *, without: int = 0) -> None:
    """Carry out the plan, but for one account."""
    fields = {field["name"]: field["id"] for field in send(target, "GET", "/customFields?category=Account")[1]}
    for account in range(1, 6):
        if account == without:
            continue
        items = send(target, "GET", f"/accounts/{account}")[1]["individualAccount"]["accountCustomFields"]
        value = next(item["value"] for item in items if item["name"] == "V-1")
        body = {"individualAccount": {"accountCustomFields": [{"id": fields["T-1"], "value": value}]}}
        assert send(target, "PATCH", f"/accounts/{account}", body)[0] == 200


def test_a_run_is_a_record() -> None:
    record = run(resources=20, mappings=2, strategy="pipelined", seed=7)
    assert (record.strategy, record.resources, record.mappings, record.migrated) == ("pipelined", 20, 2, 20)
    assert record.valid
    assert record.makespan_s >= record.lower_bound_s > 0
    assert record.raw["schema"] == 1


def test_the_same_seed_is_the_same_run() -> None:
    one, two, other = (run(resources=20, mappings=2, seed=seed) for seed in (7, 7, 8))
    assert (one.state_digest, one.makespan_s) == (two.state_digest, two.makespan_s)
    assert one.state_digest != other.state_digest


def test_a_wrong_setting_is_an_error_that_names_it() -> None:
    with pytest.raises(NeonbenchError, match="pipelinde"):
        run(strategy="pipelinde")


def test_a_run_keeps_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run(resources=3, mappings=1, strategy="standard")
    assert list(tmp_path.iterdir()) == []


def test_an_analysis_recommends_the_first_of_its_ranking() -> None:
    analysis = analyze(resources=20, mappings=2)
    assert analysis.recommended_strategy == analysis.ranking[0].strategy
    assert analysis.estimated_time_s.p5 <= analysis.estimated_time_s.p50 <= analysis.estimated_time_s.p95
    assert len(analysis.ranking) == 5


def test_a_callable_that_migrates_is_correct(plan: Path) -> None:
    verdict = judged(plan, migrate)
    assert verdict.is_correct
    assert (verdict.accounts, verdict.correct, verdict.calls, verdict.refused) == (5, 5, 11, 0)
    assert verdict.raw["name"] == "migrate"


def test_a_callable_that_forgets_an_account_is_not(plan: Path) -> None:
    def forgetful(target: Target) -> None:
        migrate(target, without=3)

    verdict = judged(plan, forgetful)
    assert not verdict.is_correct
    assert (verdict.correct, verdict.untouched) == (4, 1)
    with pytest.raises(NotCorrectError, match=r"4 of 5 accounts are correct, 1 untouched"):
        judged(plan, forgetful, check=True)


def test_a_callable_without_an_argument_finds_the_environment(plan: Path) -> None:
    seen: dict[str, str] = {}

    def client() -> None:
        seen.update({name: text for name, text in os.environ.items() if name.startswith("NEON_")})
        migrate(Target(seen["NEON_BASE_URL"], seen["NEON_ORG_ID"], seen["NEON_API_KEY"]))

    assert judged(plan, client, check=True).is_correct
    assert set(seen) == {"NEON_BASE_URL", "NEON_ORG_ID", "NEON_API_KEY"}
    assert "NEON_BASE_URL" not in os.environ


def test_writes_beyond_the_plan_are_seen(plan: Path) -> None:
    def careless(target: Target) -> None:
        migrate(target)
        field = next(it for it in send(target, "GET", "/customFields?category=Account")[1] if it["name"] == "T-1")
        write(target, 2, "another value", field["id"])

    verdict = judged(plan, careless)
    assert (verdict.is_correct, verdict.correct, verdict.wrong) == (False, 4, 1)
    assert verdict.differences


def test_a_callable_that_calls_nobody_is_told_so(plan: Path) -> None:
    verdict = judged(plan, lambda: None)
    assert (verdict.verdict, verdict.calls, verdict.makespan_s) == ("no_calls", 0, 0)


def test_an_exception_comes_through(plan: Path, ends: Callable[[int], bool]) -> None:
    children: list[int] = []

    def broken() -> None:
        children.extend(int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        judged(plan, broken)
    assert children
    assert all(ends(pid) for pid in children)


def test_a_plan_that_is_wrong_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NeonbenchError, match=r"nowhere\.toml"):
        judged(tmp_path / "nowhere.toml", migrate)
