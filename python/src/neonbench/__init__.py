"""A mock of the Neon CRM API v2 for tests, and a benchmark of migrations to it.

`Mock` is the mock, `neon` its fixture in pytest, `judge` a verdict on a migration of your own, `run` and `analyze`
what the binary of the same name does.
"""

from neonbench._binary import find_binary
from neonbench._commands import Target, analyze, judge, run
from neonbench._errors import NeonbenchError, NotCorrectError
from neonbench._mock import Mock
from neonbench._records import Analysis, Call, Counters, Interval, Ranked, RunRecord, Verdict

__all__ = [
    "Analysis",
    "Call",
    "Counters",
    "Interval",
    "Mock",
    "NeonbenchError",
    "NotCorrectError",
    "Ranked",
    "RunRecord",
    "Target",
    "Verdict",
    "analyze",
    "find_binary",
    "judge",
    "run",
]
