"""The failpoints that are compiled into a program, as common/failpoint.h leaves them in the section hookline_failpoints."""
from __future__ import annotations

import pathlib
import re
import subprocess

PROGRAMS = ("ingest", "resolver", "session", "sync", "broadcaster")


def _compiled(path):
    dump = subprocess.run(["readelf", "-p", "hookline_failpoints", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^ +\[ *[0-9a-f]+\]  (\S+)$", dump, re.MULTILINE)


def places_of(build, program):
    """The places of one program, each with the program's name in front."""
    names = _compiled(pathlib.Path(build) / program / f"hookline-{program}")
    return sorted({program + name if name.startswith(".") else name for name in names})


def places_of_command(build):
    """The command's own: what it shares with the programs (".reported") is passed by a stage only."""
    return sorted(name for name in _compiled(pathlib.Path(build) / "ctl" / "hookline") if not name.startswith("."))


def all_places(build):
    return [place for program in PROGRAMS for place in places_of(build, program)]
