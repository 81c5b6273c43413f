"""failpoints_document.py DOCS BUILD: docs/failpoints.md lists the places that are compiled into the programs, and no others."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "chaos"))
from places import PROGRAMS, all_places, places_of, places_of_command  # noqa: E402  (the folder is known only now)

docs, build = map(pathlib.Path, sys.argv[1:])
compiled = all_places(build) + places_of_command(build)
consuming = [program for program in PROGRAMS if f"{program}.decided" in places_of(build, program)]
listed = []
for row in re.findall(r"^\| `(\S+)` \|", (docs / "failpoints.md").read_text(), re.MULTILINE):
    listed += [row.replace("PROGRAM", program) for program in consuming] if row.startswith("PROGRAM.") else [row]

problems = [f"{place} is compiled in, and docs/failpoints.md does not list it" for place in sorted(set(compiled) - set(listed))]
problems += [f"docs/failpoints.md lists {place}, and no program has it" for place in sorted(set(listed) - set(compiled))]
problems += [f"docs/failpoints.md lists {place} twice" for place in sorted({place for place in listed if listed.count(place) > 1})]
if len(compiled) < 25:
    problems.append(f"only {len(compiled)} places were found in the programs")
print("\n".join(problems) or f"{len(compiled)} places")
sys.exit(bool(problems))
