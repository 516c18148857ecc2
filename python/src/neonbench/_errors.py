"""The package's errors."""

from __future__ import annotations


class NeonbenchError(Exception):
    """The binary is missing, ended with an error, or the mock refused a request."""


class NotCorrectError(NeonbenchError, AssertionError):
    """A judged client left another state than the plan demands."""
