"""The plugin of pytest: fixture `neon`, marker `neon`, and the latest calls beside a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from neonbench._errors import NeonbenchError
from neonbench._mock import Mock

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

#: The mock of a test that runs.
_MOCK = pytest.StashKey[Mock]()

#: Calls shown beside a failure.
_SHOWN = 20


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "neon(profile=…, dataset=…, plan=…, resources=…, seed=…): settings of the fixture `neon`, as of neonbench.Mock",
    )


@pytest.fixture
def neon(request: pytest.FixtureRequest) -> Iterator[Mock]:
    """A mock of the Neon CRM API for this test alone: 100 accounts, no limits, no delays.

    `@pytest.mark.neon(profile="documented", resources=20)` has other settings; the nearest marker wins.
    """
    settings: dict[str, object] = {}
    for marker in reversed(list(request.node.iter_markers("neon"))):
        settings.update(marker.kwargs)
    with Mock(**settings) as mock:  # type: ignore[arg-type]  # a marker's values are anything
        request.node.stash[_MOCK] = mock
        yield mock
        del request.node.stash[_MOCK]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the latest calls of a test that failed."""
    report = yield
    mock = item.stash.get(_MOCK, None)
    if mock is not None and report.failed:
        try:
            calls = mock.calls(limit=_SHOWN, values=False)
        except (NeonbenchError, OSError):
            # The test may have stopped it.
            return report
        report.sections.append(("Neon calls, the latest last", "\n".join(map(str, calls)) or "none"))
    return report
