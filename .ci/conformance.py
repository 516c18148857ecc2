"""Validates the mock's answers against Neon's description of its API.

Each operation of mock/OPERATIONS.md is called as a client would, and must succeed at least once;
then with requests that schemathesis makes from the description. What an answer has that the
description does not allow (a status, a type, a member) fails, unless .ci/deviations.json names it.
"""

import json
import re
import sys
from pathlib import Path

import jsonschema_rs
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings

ROOT = Path(__file__).parent.parent
EXAMPLES = 40


class Deviations:
    """What is known to differ, and which of it was met."""

    def __init__(self, path):
        self.known = json.loads(path.read_text())
        self.met = set()

    def covers(self, kind, operation, at):
        for index, known in enumerate(self.known):
            if known["kind"] == kind and re.fullmatch(known["operation"], operation):
                if re.fullmatch(known["at"], at):
                    self.met.add(index)
                    return True
        return False

    def stale(self):
        return [known for index, known in enumerate(self.known) if index not in self.met]


class Check:
    """Calls the mock and compares its answers with the description."""

    def __init__(self, description, base_url, deviations):
        # Examples hold moments, which YAML makes dates of and a schema has as texts.
        described = yaml.safe_load(Path(description).read_text())
        self.description = json.loads(json.dumps(described, default=str))
        self.components = self.description["components"]
        self.base_url = base_url
        self.deviations = deviations
        self.session = requests.Session()
        self.session.auth = ("demo", "demo")
        self.session.trust_env = False
        self.succeeded = set()
        self.failures = {}
        self.calls = 0

    def call(self, verb, template, body=None, query=None, expect=200, **ids):
        response = self.session.request(
            verb, self.base_url + template.format(**ids), json=body, params=query, timeout=10
        )
        if response.status_code != expect:
            self.fail(f"{verb} {template}", f"answered {response.status_code}: {response.text[:200]}")
        self.check(f"{verb} {template}", response)
        return response.json() if response.content else None

    def fail(self, operation, problem):
        self.failures.setdefault((operation, problem), 0)
        self.failures[(operation, problem)] += 1

    def check(self, operation, response):
        """Compares one answer with what the description allows."""
        self.calls += 1
        verb, template = operation.split(" ")
        status = response.status_code
        declared = self.description["paths"][template][verb.lower()]["responses"]
        declared = {str(key): value for key, value in declared.items()}
        if str(status) not in declared and not self.deviations.covers("status", operation, str(status)):
            self.fail(operation, f"status {status} is not declared: {response.text[:200]}")
        if 200 <= status < 300:
            self.succeeded.add(operation)
        if not response.content:
            return
        content = declared.get(str(status), {}).get("content", {})
        schema = content.get("*/*", content.get("application/json", {})).get("schema")
        if status >= 400:
            # Neon's own shape of an error, which the description gives for newer operations only.
            schema = {"type": "array", "items": {"$ref": "#/components/schemas/APIMessage"}}
        content_type = response.headers.get("content-type")
        # schemathesis has a list of values for each header.
        if content_type not in ("application/json", ["application/json"]):
            self.fail(operation, f"content type {content_type}")
        if schema is None:
            self.fail(operation, f"status {status} has a body, and the description none")
            return
        body = response.json()
        self.check_schema(operation, schema, body)
        self.check_members(operation, schema, body, "")

    def check_schema(self, operation, schema, body):
        document = {"allOf": [schema], "components": self.components}
        validator = jsonschema_rs.Draft4Validator(document, validate_formats=True)
        for error in validator.iter_errors(body):
            at = "".join(f"/{'*' if isinstance(step, int) else step}" for step in error.instance_path)
            is_null = error.message.startswith("null is not")
            kind = "null" if is_null else str(error.schema_path[-1])
            if not self.deviations.covers(kind, operation, at):
                self.fail(operation, f"{kind} at {at or '/'}: {error.message[:200]}")

    def check_members(self, operation, schema, body, at):
        """The description does not forbid other members; a faithful mock has none all the same."""
        while "$ref" in schema:
            schema = self.components["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if isinstance(body, list):
            for item in body:
                self.check_members(operation, schema.get("items", {}), item, f"{at}/*")
        elif isinstance(body, dict) and "properties" in schema and schema["properties"]:
            for name, value in body.items():
                member = schema["properties"].get(name)
                if member is not None:
                    self.check_members(operation, member, value, f"{at}/{name}")
                elif not self.deviations.covers("member", operation, f"{at}/{name}"):
                    self.fail(operation, f"member {at}/{name} is not in the description")


def as_a_client(check):
    """Each operation as a client calls it, so that it succeeds."""
    call = check.call
    rows = call("GET", "/accounts", query={"pageSize": 200})["accounts"]
    person = next(row["accountId"] for row in rows if row["userType"] == "INDIVIDUAL")
    present = {int(row["accountId"]) for row in rows}
    merged = next(str(id) for id in range(1, 201) if id not in present)
    for row in rows[:50]:
        call("GET", "/accounts/{id}", id=row["accountId"])
    call("GET", "/accounts/{id}", id=merged, expect=222)
    call("GET", "/accounts/{id}", id="201", expect=404)
    call("GET", "/accounts", query={"userType": "COMPANY", "currentPage": 1, "pageSize": 10})

    fields = call("GET", "/customFields", query={"category": "Account"})
    call("GET", "/customFields", query={"category": "Donation"})
    by_name = {field["name"]: field for field in fields}
    skills = by_name["Skills"]
    items = [
        {"id": by_name["V-1"]["id"], "value": "speaks Irish"},
        {"id": skills["id"], "optionValues": [{"id": skills["optionValues"][0]["id"]}]},
    ]
    write = {"individualAccount": {"accountCustomFields": items}}
    for verb in ("PATCH", "PUT"):
        call(verb, "/accounts/{id}", write, id=person)
        for kind in ("individualAccount", "companyAccount"):
            # The wrapper of the wrong kind is refused: merged accounts are of either.
            response = check.session.request(
                verb, f"{check.base_url}/accounts/{merged}", json={kind: {"accountCustomFields": []}}
            )
            check.check(f"{verb} /accounts/{{id}}", response)
    twice = {"individualAccount": {"accountCustomFields": [items[0], items[0]]}}
    call("PATCH", "/accounts/{id}", twice, id=person, expect=400)
    contact = {"firstName": "Ada", "lastName": "Byrne", "email1": "ada@example.org"}
    made = {"individualAccount": {"primaryContact": contact, "accountCustomFields": items}}
    created = call("POST", "/accounts", made)["id"]
    call("GET", "/accounts/{id}", id=created)
    searches(call, fields)
    custom_fields(call, skills)
    for template in check.description["paths"]:
        if f"GET {template}" in operations() and re.fullmatch("/properties/[^{]*|/webhooks", template):
            call("GET", template)
    webhooks(call)


def webhooks(call):
    hook = {"name": "doors", "url": "http://127.0.0.1:1/", "trigger": "UPDATE_ACCOUNT"}
    parameters = [{"name": "zone", "value": "north"}]
    basic = {"userName": "a", "password": "b"}
    id = call("POST", "/webhooks", {**hook, "customParameters": parameters, "httpBasic": basic})["id"]
    call("GET", "/webhooks")
    call("GET", "/webhooks/{id}", id=id)
    call("PATCH", "/webhooks/{id}", {"triggerSelfImport": True}, id=id)
    call("PUT", "/webhooks/{id}", hook, id=id)
    call("GET", "/webhooks/{id}", id=id)
    call("GET", "/webhooks")
    call("DELETE", "/webhooks/{id}", id=id)
    for verb, body in [("GET", None), ("PUT", hook), ("PATCH", hook), ("DELETE", None)]:
        call(verb, "/webhooks/{id}", body, id=id, expect=404)
    call("POST", "/webhooks", {"name": "doors"}, expect=400)


def searches(call, fields):
    call("GET", "/accounts/search/searchFields")
    call("GET", "/accounts/search/outputFields")
    outputs = ["Account ID", "Account Type", "Account Last Modified Date/Time"]
    search = {
        "searchFields": [{"field": "Account ID", "operator": "IN_RANGE", "valueList": [1, 2, "3"]}],
        "outputFields": outputs + [int(field["id"]) for field in fields],
        "pagination": {"currentPage": 0, "pageSize": 200, "sortColumn": "Account ID"},
    }
    call("POST", "/accounts/search", search)
    call("POST", "/accounts/search", {**search, "searchFields": []}, expect=400)


def custom_fields(call, skills):
    call("GET", "/customFields/{id}", id=skills["id"])
    call("GET", "/customFields/{id}", id="9999", expect=404)
    call("GET", "/customFields/groups", query={"component": "Account"})
    call("GET", "/customFields/groups", query={"component": "Donation"})


def as_a_fuzzer(check, description):
    """Each operation with what schemathesis makes of the description."""
    schema = schemathesis.openapi.from_path(description)
    for operation in sorted(operations()):
        verb, template = operation.split(" ")
        count = iter(range(10**6))

        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )
        @given(case=schema[template][verb].as_strategy())
        def answered(case):
            # Ids of the description's making belong to nobody: every other one is put right.
            if case.path_parameters and next(count) % 2:
                case.path_parameters = {name: "7" for name in case.path_parameters}
            response = case.call(base_url=check.base_url, auth=("demo", "demo"))
            check.check(operation, response._original if hasattr(response, "_original") else response)

        answered()


def operations():
    """The operations that the mock says it implements."""
    lines = (ROOT / "mock" / "OPERATIONS.md").read_text().splitlines()
    return {line.split("`")[1] for line in lines if line.startswith("| `")}


def main(description, base_url):
    deviations = Deviations(ROOT / ".ci" / "deviations.json")
    check = Check(description, base_url, deviations)
    as_a_client(check)
    for operation in sorted(operations() - check.succeeded):
        check.fail(operation, "never succeeded")
    as_a_fuzzer(check, description)
    for known in deviations.stale():
        check.fail(known["operation"], f"a known deviation was not met: {known}")
    for (operation, problem), count in sorted(check.failures.items()):
        print(f"{operation}: {problem} ({count} times)")
    print(
        f"conformance: {len(operations())} operations, {check.calls} answers, "
        f"{len(deviations.known)} known deviations, {len(check.failures)} others"
    )
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
