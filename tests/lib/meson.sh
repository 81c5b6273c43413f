# shellcheck shell=bash
# meson.sh: the tests that meson knows (unit, property, stage), each one line in the tally.

meson_suite() { # $1: build directory, $2: suite
  local build=$1 suite=$2 live=$LOGS/meson-$2.log line
  rm -f "$build/meson-logs/testlog.json"
  # Our own directory for what tests write, removed with the run.
  { TMPDIR=$SCRATCH /usr/bin/meson test -C "$build" --no-rebuild --suite "$suite" 2>&1 || true; } | tee "$live" |
    sed -u -n -E 's/^ *[0-9]+\/[0-9]+ (.*[^ ]) +(OK|FAIL|ERROR|TIMEOUT|SKIP|EXPECTEDFAIL|UNEXPECTEDPASS|INTERRUPT) +([0-9.]+)s.*/\2 \3 \1/p' |
    while read -r line; do
      meson_tally "$build" "$suite" "$line"
    done
  if [ ! -e "$build/meson-logs/testlog.json" ] && ! grep -q 'No suitable tests\|No tests defined' "$live"; then
    tally fail "$suite / meson test" 0 "$live"
  fi
}

meson_tally() { # $3: OUTCOME SECONDS SUITES / NAME
  local build=$1 suite=$2 outcome seconds name
  read -r outcome seconds name <<<"$3"
  name=${name##* / }
  case $outcome in
    OK | EXPECTEDFAIL) tally pass "$suite / $name" "$seconds" ;;
    SKIP) tally skip "$suite / $name" "$seconds" ;;
    *)
      meson_log "$build" "$name" >"$LOGS/$suite-$name.log"
      tally fail "$suite / $name" "$seconds" "$LOGS/$suite-$name.log"
      ;;
  esac
}

# What a test printed, from meson's own record; the record of a test is written before its line is.
meson_log() { # $1: build directory, $2: name
  /usr/bin/python3 - "$1/meson-logs/testlog.json" "$2" <<'PYTHON'
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    test = json.loads(line)
    if test["name"].split(" / ")[-1] == sys.argv[2]:
        print(test.get("stdout", ""), test.get("stderr", ""), "result:", test["result"], "exit code:", test.get("returncode"))
PYTHON
}
