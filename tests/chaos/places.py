"""The failpoints that are compiled into a program, as common/failpoint.h leaves them in the section hookline_failpoints."""
from __future__ import annotations

import pathlib
import re
import subprocess

PROGRAMS = ("ingest", "resolver", "session", "sync", "broadcaster")


def places_of(build, program):
    """The places of one program, each with the program's name in front."""
    path = pathlib.Path(build) / program / f"hookline-{program}"
    dump = subprocess.run(["readelf", "-p", "hookline_failpoints", path], check=True, capture_output=True, text=True).stdout
    names = re.findall(r"^ +\[ *[0-9a-f]+\]  (\S+)$", dump, re.MULTILINE)
    return sorted({program + name if name.startswith(".") else name for name in names})


def all_places(build):
    return [place for program in PROGRAMS for place in places_of(build, program)]
