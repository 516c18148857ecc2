"""A published client, tested with the fixture: PyPI's neoncrm 0.1.0, of which only address and keys are ours."""

import pytest
from neoncrm import NeonCRM
from neoncrm.exceptions import RateLimitError

from neonbench import Mock


def test_a_client_names_a_refusal_and_writes_a_field(neon: Mock) -> None:
    client = NeonCRM(neon.org_id, neon.api_key, base_url=neon.base_url)
    field = client.custom_fields.list(category="Account")[0]
    body = {"individualAccount": {"accountCustomFields": [{"id": field["id"], "value": "new"}]}}
    neon.fail_next(429)
    with pytest.raises(RateLimitError):
        client.accounts.patch("7", body)
    client.accounts.patch("7", body)
    assert [call.status for call in neon.calls()] == [200, 429, 200]
    assert neon.changed_accounts() == 1
