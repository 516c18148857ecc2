"""The published package neoncrm 0.1.0: lists, searches, reads and writes accounts; nothing but address and keys is ours."""

import sys

from neoncrm import NeonCRM
from neoncrm.exceptions import AuthenticationError, NotFoundError

base_url, org_id, api_key = sys.argv[1:]
neon = NeonCRM(org_id, api_key, base_url=base_url)

listed = [account["accountId"] for account in neon.accounts.list_all(page_size=20, user_type="INDIVIDUAL")]
assert len(listed) == len(set(listed)) > 20, len(listed)

fields = neon.custom_fields.list(category="Account")
names = {field["name"]: field["id"] for field in fields}
field = next(field for field in fields if not field["optionValues"])
shown = neon.custom_fields.get(field["id"])
assert shown["name"] == field["name"], shown

account_id = listed[0]
write = {"individualAccount": {"accountCustomFields": [{"id": field["id"], "name": field["name"], "value": "by neoncrm"}]}}
neon.accounts.patch(account_id, write)
account = neon.accounts.get(account_id)["individualAccount"]
values = {item["name"]: item.get("value") for item in account["accountCustomFields"]}
assert values[field["name"]] == "by neoncrm", values

email = account["primaryContact"]["email1"]
found = neon.accounts.search(
    {
        "searchFields": [{"field": "Email", "operator": "EQUAL", "value": email}],
        "outputFields": ["Account ID", "Email 1", field["id"]],
        "pagination": {"currentPage": 0, "pageSize": 10},
    }
)
assert [row["Account ID"] for row in found["searchResults"]] == [account_id], found

columns = neon.accounts.output_fields()["customFields"]
assert {column["displayName"] for column in columns} == set(names), columns
assert "Email" in {entry["fieldName"] for entry in neon.accounts.search_fields()["standardFields"]}

for call, error in [
    (lambda: neon.accounts.get("999999"), NotFoundError),
    (lambda: NeonCRM(org_id, "wrong", base_url=base_url).accounts.get(account_id), AuthenticationError),
]:
    try:
        call()
    except error:
        continue
    raise AssertionError(f"no {error.__name__}")
