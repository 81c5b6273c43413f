"""Whether anything grows: memory and open files of each program, connections to PostgreSQL. And what their logs must not hold."""
from __future__ import annotations

import pathlib
import re

from places import PROGRAMS

FILES_MORE, CONNECTIONS_MORE, MEMORY_FACTOR, MEMORY_MORE_KB = 16, 2, 1.5, 64 * 1024
CANARIES = [rb"\+4915\d{8}", rb"\+49301234\d{3}", rb"Guten Tag", rb"Ein Termin wurde vereinbart"]  # of script.py: people's own


def sample(stack):
    """By (what, whom): a number. A program that is just away is left out."""
    figures = {}
    for part in PROGRAMS:
        folder = pathlib.Path("/proc") / str(stack.pid(part) or 0)
        try:
            figures["open files", part] = len(list((folder / "fd").iterdir()))
            figures["KB of memory", part] = int(re.search(r"VmRSS:\s+(\d+)", (folder / "status").read_text())[1])
        except (OSError, TypeError):
            continue
    rows = stack.query("SELECT application_name, count(*) FROM pg_stat_activity WHERE application_name LIKE 'hookline-%' GROUP BY 1")
    return figures | {("connections to PostgreSQL", name): count for name, count in rows}


def grown(before, after):
    for (what, whom), figure in sorted(after.items()):
        base = before.get((what, whom))
        if base is None:
            continue
        limit = {"open files": base + FILES_MORE, "connections to PostgreSQL": base + CONNECTIONS_MORE,
                 "KB of memory": base * MEMORY_FACTOR + MEMORY_MORE_KB}[what]
        if figure > limit:
            yield f"{whom} has {figure} {what}, {base} after the first round"


def told_in_logs(stack, parts):
    """Numbers and words of people, and ends that no storm may cause."""
    for part in parts:
        for file in stack.log_files(part):
            try:
                text = file.read_bytes()
            except FileNotFoundError:
                continue
            yield from (f"{part}'s log holds {found[0].decode()}" for found in filter(None, (re.search(canary, text) for canary in CANARIES)))
            yield from (f"{part} ended with {found[1].decode()}: {found[0].decode()[:300]}"
                        for found in [re.search(rb".*exit_code=(70|78).*", text)] if found)
            yield from (f"{part}: {found[0].decode()}" for found in [re.search(rb".*(ERROR: \w*Sanitizer|runtime error:).*", text)] if found)
