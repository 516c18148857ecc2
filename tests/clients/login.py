"""Python's own challenge login: urllib sends credentials only after a 401 that names its scheme."""

import json
import sys
import urllib.request

base_url, org_id, api_key = sys.argv[1:]
passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
passwords.add_password(None, base_url, org_id, api_key)
opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
with opener.open(f"{base_url}/accounts/1") as answer:
    account = json.load(answer)
assert account["individualAccount"]["accountId"] == "1", account
