"""tidy.py ROOT BUILD CACHE: clang-tidy over every source of a build directory, as many at a time as there are cores.

A file that was clean is not looked at again until it, a header it includes, its command line, .clang-tidy or clang-tidy
itself changes: CACHE holds one empty file for each such state. What a file includes is what ninja learned by compiling it.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import subprocess
import sys

root, build, cache = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])


def included_files():
    """Of each object, the files of ours that it was made of."""
    objects, current = {}, []
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        if line and not line[0].isspace():
            if line.startswith("ninja: "):
                continue
            current = objects.setdefault(line.split(":")[0], [])
        elif line.strip():
            path = pathlib.Path(os.path.normpath(build / line.strip()))
            if path.is_relative_to(root):
                current.append(path)
    return objects


def state_of(entry, files, common):
    digest = hashlib.sha256(common)
    digest.update(entry["command"].encode())
    for path in sorted(set(files)):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tidy(entry, state):
    run = subprocess.run(["clang-tidy", "-p", build, "--quiet", entry["file"]], cwd=build, capture_output=True, text=True)
    if run.returncode == 0:
        (cache / state).touch()
    return run.returncode == 0, run.stdout + ("" if run.returncode == 0 else run.stderr)


def main():
    cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True).stdout
    common = version + (root / ".clang-tidy").read_bytes()
    included = included_files()
    waiting, states, seen = [], set(), set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        source = pathlib.Path(os.path.normpath(build / entry["file"]))
        if build in source.parents or source in seen:
            continue
        seen.add(source)
        state = state_of(entry, included.get(entry["output"], []) + [source], common)
        states.add(state)
        if not (cache / state).exists():
            waiting.append((entry, state))
    for old in cache.iterdir():
        if old.name not in states:
            old.unlink()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for clean, output in pool.map(lambda job: tidy(*job), waiting):
            if not clean:
                failed += 1
                print(output)
    print(f"{len(seen)} files, {len(waiting)} looked at, {failed} with findings")
    return 1 if failed else 0


sys.exit(main())
