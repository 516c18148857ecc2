"""What the binary prints, as dataclasses.

Each has the members that tests ask about, and `raw`, the whole JSON. `neonbench schema` describes all members.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A call that the mock served. `status` is None if the client got no answer."""

    verb: str
    path: str
    query: str | None
    body: Any
    error: Any
    status: int | None
    at_s: float
    """Arrival, in seconds since the mock started."""
    response_s: float
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> Call:
        """An entry of the journal."""
        return cls(
            verb=raw["verb"],
            path=raw["path"],
            query=raw["query"],
            body=raw["body"],
            error=raw["error"],
            status=raw["status"],
            at_s=raw["at_ns"] / 1e9,
            response_s=raw["served_ns"] / 1e9,
            raw=raw,
        )

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        status = "no answer" if self.status is None else str(self.status)
        return f"{self.verb} {self.path}{query} {status} {self.response_s * 1e3:.1f} ms"


@dataclass(frozen=True)
class Counters:
    """Calls as the mock counted them; unlike `calls()` they have no upper bound."""

    total: int
    """Calls that reached the pools, refusals included."""
    rejected: int
    """Calls refused with 429."""
    failed: int
    unauthorized: int
    undecodable: int
    in_flight: int
    by_endpoint: dict[str, dict[str, int]]
    """Counts `admitted`, `rejected` and `failed` by endpoint, such as `GET /accounts/{id}`."""

    @classmethod
    def of(cls, raw: Json) -> Counters:
        """The answer of `GET /__mock/counters`."""
        return cls(
            total=raw["total"],
            rejected=raw["rejected"],
            failed=raw["failed"],
            unauthorized=raw["unauthorized"],
            undecodable=raw["undecodable"],
            in_flight=raw["in_flight"],
            by_endpoint=raw["calls"],
        )


@dataclass(frozen=True)
class Verdict:
    """The outcome of `judge`."""

    verdict: str
    """`correct`, `wrong_data`, `data_lost`, `incomplete`, `nothing_written` or `no_calls`."""
    accounts: int
    correct: int
    wrong: int
    lost: int
    untouched: int
    stray: int
    """Accounts that the plan does not name, and that were changed."""
    calls: int
    refused: int
    """Calls refused with 429."""
    makespan_s: float
    """From the first call to the last answer; 0 without a call."""
    lower_bound_s: float
    differences: list[Json]
    errors: list[Json]
    """Errors that the mock answered, by call and message."""
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> Verdict:
        """The output of `judge --json`."""
        records = raw["records"]
        return cls(
            verdict=raw["verdict"],
            accounts=raw["resources"],
            correct=records["correct"],
            wrong=records["wrong"],
            lost=records["lost"],
            untouched=records["untouched"],
            stray=records["stray"],
            calls=raw["calls"]["total"],
            refused=raw["calls"]["rejected"],
            makespan_s=raw["makespan_s"],
            lower_bound_s=raw["lower_bound_s"],
            differences=raw["differences"],
            errors=raw["calls"]["errors"],
            raw=raw,
        )

    @property
    def is_correct(self) -> bool:
        """True if every account is as the plan demands."""
        return self.verdict == "correct"


@dataclass(frozen=True)
class RunRecord:
    """The record of one run."""

    strategy: str
    reason: str
    workers: int
    batch_size: int
    resources: int
    mappings: int
    migrated: int
    failed: int
    makespan_s: float
    lower_bound_s: float
    calls: int
    rejected: int
    valid: bool
    """True if the final state and the counts of calls were found right."""
    state_digest: str | None
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> RunRecord:
        """The output of `run --json`."""
        return cls(
            strategy=raw["strategy"],
            reason=raw.get("reason") or "",
            workers=raw["workers"],
            batch_size=raw["batch_size"],
            resources=raw["resources"],
            mappings=raw["mappings"],
            migrated=raw["records"]["migrated"],
            failed=raw["records"]["failed"],
            makespan_s=raw["makespan_s"],
            lower_bound_s=raw["lower_bound_s"],
            calls=raw["calls"]["total"],
            rejected=raw["calls"]["rejected"],
            valid=raw["audit"]["valid"],
            state_digest=raw["audit"]["state_digest"],
            raw=raw,
        )


@dataclass(frozen=True)
class Ranked:
    """A strategy's place among the others."""

    strategy: str
    cost_s: float
    makespan_s: float
    refused_share: float


@dataclass(frozen=True)
class Interval:
    """5th, 50th and 95th percentile, in seconds."""

    p5: float
    p50: float
    p95: float


@dataclass(frozen=True)
class Analysis:
    """A recommendation, and the forecast of its time."""

    recommended_strategy: str
    max_workers: int
    batch_size: int
    reason: str
    estimated_time_s: Interval
    estimated_api_calls: int
    recommendations: list[str]
    ranking: list[Ranked]
    """The best first."""
    raw: Json = field(repr=False)

    @classmethod
    def of(cls, raw: Json) -> Analysis:
        """The output of `analyze --json`."""
        time = raw["estimated_time_s"]
        return cls(
            recommended_strategy=raw["recommended_strategy"],
            max_workers=raw["max_workers"],
            batch_size=raw["batch_size"],
            reason=raw["reason"],
            estimated_time_s=Interval(time["p5"], time["p50"], time["p95"]),
            estimated_api_calls=raw["estimated_api_calls"],
            recommendations=raw["recommendations"],
            ranking=[
                Ranked(row["strategy"], row["cost_s"], row["makespan_s"], row["refused_share"])
                for row in raw["ranking"]
            ],
            raw=raw,
        )
