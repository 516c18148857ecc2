"""The licences of all crates that the binary contains, with their texts, in Markdown: `third-party.py TRIPLE`."""

import json
import pathlib
import subprocess
import sys

NAMES = ("LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE")


def closure(metadata):
    """Ids of the packages that the root package links, built-time and test-time ones left out."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(it["id"] for it in metadata["packages"] if it["name"] == "neonbench")
    found, left = set(), [root]
    while left:
        node = nodes[left.pop()]
        if node["id"] in found:
            continue
        found.add(node["id"])
        for dependency in node["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                left.append(dependency["pkg"])
    return found


def main():
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", sys.argv[1]]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    linked = closure(metadata)
    packages = [it for it in metadata["packages"] if it["id"] in linked and it["source"] is not None]
    texts = {}
    print("# Third-party software in neonbench\n")
    print("| crate | version | licence |\n|---|---|---|")
    for package in sorted(packages, key=lambda it: (it["name"], it["version"])):
        print(f"| {package['name']} | {package['version']} | {package['license'] or 'see its text'} |")
        folder = pathlib.Path(package["manifest_path"]).parent
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.name.upper().startswith(NAMES):
                text = file.read_text(encoding="utf-8", errors="replace").strip()
                texts.setdefault(text, []).append(f"{package['name']} {package['version']}")
    for text, crates in texts.items():
        print(f"\n## {', '.join(crates)}\n\n```text\n{text}\n```")


main()
