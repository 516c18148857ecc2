#!/usr/bin/env bash
# Adds the option that V-Skill names to the checkbox Skills, on accounts 1 to 20: bash and curl, and
# Python's json module to read answers with. What to mind is said in migrate.py.
#
#   neonbench judge --plan examples/clients/plan.toml -- bash examples/clients/migrate.sh
set -euo pipefail

# call METHOD PATH [BODY]: one call, repeated by curl on 429 and 5xx; its body.
call() {
  local method=$1 path=$2 body=${3-}
  curl --silent --show-error --fail --retry 8 --retry-delay 1 --max-time 60 \
    --user "$NEON_ORG_ID:$NEON_API_KEY" --header 'Content-Type: application/json' \
    --request "$method" ${body:+--data "$body"} "$NEON_BASE_URL$path"
}

# body_of FIELDS ACCOUNT: the body of the PATCH that the account needs; nothing if it needs none.
body_of() {
  python3 -c '
import json, sys

fields, account = json.loads(sys.argv[1]), json.loads(sys.argv[2])
source = next(field for field in fields if field["name"] == "V-Skill")
target = next(field for field in fields if field["name"] == "Skills")
options = {option["name"]: option["id"] for option in target["optionValues"]}
kind = "individualAccount" if account["individualAccount"] else "companyAccount"
items = {item["id"]: item for item in account[kind]["accountCustomFields"]}
skill = (items.get(source["id"]) or {}).get("value")
held = (items.get(target["id"]) or {}).get("optionValues") or []
ids = [option["id"] for option in held]
if skill and options[skill] not in ids:
    union = [{"id": option_id} for option_id in [*ids, options[skill]]]
    print(json.dumps({kind: {"accountCustomFields": [{"id": target["id"], "optionValues": union}]}}))
' "$1" "$2"
}

fields=$(call GET '/customFields?category=Account')
written=0
for id in $(seq 1 20); do
  account=$(call GET "/accounts/$id")
  body=$(body_of "$fields" "$account")
  if [ -n "$body" ]; then
    call PATCH "/accounts/$id" "$body" >/dev/null
    written=$((written + 1))
  fi
done
echo "$written accounts written"
