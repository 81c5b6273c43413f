# shellcheck shell=bash
# meson.sh: the tests that meson knows (unit, property, stage), each one line in the tally.

# A stage test mostly waits, for what ends, starts or comes back: three at a core need a core and a half. No more than memory is for
# on a large machine: each has a PostgreSQL and programs with sanitizers.
meson_at_once() { # $1: suite
  local most
  most=$(nproc)
  if [ "$1" = stage ]; then most=$((3 * most < 12 ? 3 * most : 12)); fi
  echo "$most"
}

meson_suite() { # $1: build directory, $2: suite
  local build=$1 suite=$2 live=$LOGS/meson-$2.log outcome seconds name
  rm -f "$build/meson-logs/testlog.json"
  { /usr/bin/meson test -C "$build" --no-rebuild --suite "$suite" --num-processes "$(meson_at_once "$suite")" 2>&1 || true; } | tee "$live" |
    sed -u -n -E 's/^ *[0-9]+\/[0-9]+ (.*[^ ]) +(OK|FAIL|ERROR|TIMEOUT|SKIP|EXPECTEDFAIL|UNEXPECTEDPASS|INTERRUPT) +([0-9.]+)s.*/\2 \3 \1/p' |
    while read -r outcome seconds name; do
      case $outcome in
        OK | EXPECTEDFAIL) outcome=pass ;;
        SKIP) outcome=skip ;;
        *) outcome=fail ;;
      esac
      tally "$outcome" "$suite / ${name##* / }" "$seconds"
    done
  if [ -e "$build/meson-logs/testlog.json" ]; then
    meson_show_failures "$build"
  elif ! grep -q 'No suitable tests\|No tests defined' "$live"; then
    tally fail "$suite / meson test" 0 "$live"
  fi
}

# What the failing tests of the last suite printed, from meson's own record.
meson_show_failures() { # $1: build directory
  /usr/bin/python3 - "$1/meson-logs/testlog.json" "${TALLY_LINES:-80}" <<'PYTHON'
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    test = json.loads(line)
    if test["result"] in ("OK", "EXPECTEDFAIL", "SKIP"):
        continue
    print(f"      {test['name']}: {test['result']}, exit code {test.get('returncode')}")
    for text in (test.get("stdout", "") + test.get("stderr", "")).splitlines()[-int(sys.argv[2]):]:
        print("      |", text)
PYTHON
}
