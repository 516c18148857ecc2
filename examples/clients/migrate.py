#!/usr/bin/env python3
"""Adds the option that V-Skill names to the checkbox Skills, on accounts 1 to 20.

Python's standard library alone. It shows what a client of Neon has to mind:

* an option field is replaced by what is sent, so the new set is the union with what stands there;
* options go by their ids, which GET /customFields tells;
* 429 means that too many calls are in flight: wait, and try again.

    neonbench judge --plan examples/clients/plan.toml -- python3 examples/clients/migrate.py
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.request

BASE_URL = os.environ["NEON_BASE_URL"]
CREDENTIALS = f"{os.environ['NEON_ORG_ID']}:{os.environ['NEON_API_KEY']}"
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(CREDENTIALS.encode()).decode(),
    "Content-Type": "application/json",
}
ATTEMPTS = 8


def call(method, path, body=None):
    """One call, repeated while Neon refuses it or stumbles; its JSON."""
    data = None if body is None else json.dumps(body).encode()
    for attempt in range(ATTEMPTS):
        request = urllib.request.Request(BASE_URL + path, data, HEADERS, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                text = answer.read()
            return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                raise
        time.sleep(0.1 * 2**attempt)
    sys.exit(f"{method} {path}: given up after {ATTEMPTS} attempts")


def field(fields, name):
    return next(field for field in fields if field["name"] == name)


def main():
    fields = call("GET", "/customFields?category=Account")
    source, target = field(fields, "V-Skill"), field(fields, "Skills")
    options = {option["name"]: option["id"] for option in target["optionValues"]}
    written = 0
    for account_id in range(1, 21):
        account = call("GET", f"/accounts/{account_id}")
        kind = "individualAccount" if account["individualAccount"] else "companyAccount"
        items = {item["id"]: item for item in account[kind]["accountCustomFields"]}
        skill = (items.get(source["id"]) or {}).get("value")
        held = (items.get(target["id"]) or {}).get("optionValues") or []
        ids = [option["id"] for option in held]
        if not skill or options[skill] in ids:
            continue
        union = [{"id": option_id} for option_id in [*ids, options[skill]]]
        item = {"id": target["id"], "optionValues": union}
        call("PATCH", f"/accounts/{account_id}", {kind: {"accountCustomFields": [item]}})
        written += 1
    print(f"{written} accounts written")


if __name__ == "__main__":
    main()
