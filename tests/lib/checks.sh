# shellcheck shell=bash
# checks.sh: what is found without running anything: a second compiler, formatting, linters, the rule that pure files do
# no I/O.
#
# clang-format and clang-tidy say different things in different versions; the tree is held to the version named here, and
# with another one these two checks are skipped.

CHECKS_CLANG_TOOLS=14

checks_sources() { # patterns of names
  local pattern names=()
  for pattern; do
    names+=(-o -name "$pattern")
  done
  find "$ROOT" \( -name build -o -name .run -o -name .git -o -name node_modules \) -prune -o -type f \( "${names[@]:1}" \) -print | sort
}

checks_tool() { # $1: clang-format or clang-tidy; exit 77 when it is of another version
  local version
  version=$("$1" --version | sed -n 's/.*version \([0-9]*\)\..*/\1/p' | head -n 1)
  [ "$version" = "$CHECKS_CLANG_TOOLS" ] || {
    echo "this machine has $1 $version; the tree is held to version $CHECKS_CLANG_TOOLS"
    exit 77
  }
}

check_shell() {
  local scripts
  mapfile -t scripts < <(checks_sources '*.sh' && grep -lE '^#!.*\b(ba)?sh' "$ROOT"/deploy/* "$ROOT"/deploy/*/* "$ROOT"/tests/* "$ROOT"/tests/*/* "$ROOT"/.ci/* 2>/dev/null)
  (cd "$ROOT" && shellcheck -x "${scripts[@]}")
}

check_format() {
  local sources
  checks_tool clang-format
  mapfile -t sources < <(checks_sources '*.c' '*.h' '*.cc')
  clang-format --dry-run -Werror "${sources[@]}"
}

check_clang() {
  build_ready "$ROOT/build/clang"
}

check_tidy() {
  checks_tool clang-tidy
  /usr/bin/python3 "$ROOT/tests/lib/tidy.py" "$ROOT" "$ROOT/build/clang" "$ROOT/build/tidy"
}

# The sources of the libraries X_pure, as meson knows them: no sockets, no clock, no libpq, librdkafka, libevent, libcurl.
check_pure() {
  local sources
  mapfile -t sources < <(/usr/bin/meson introspect "$ROOT/build/clang" --targets |
    /usr/bin/python3 -c 'import json, sys
for target in json.load(sys.stdin):
    if target["name"].endswith("_pure"):
        print(*(s for group in target["target_sources"] for s in group.get("sources", [])), sep="\n")')
  [ ${#sources[@]} -gt 5 ] || {
    echo "meson names no sources of pure libraries"
    return 1
  }
  ! grep -nE '#include <(event2|librdkafka|libpq-fe|curl|sqlite3|sys/socket|sys/epoll|netinet|arpa|netdb|unistd|poll|pthread)|\b(time|clock_gettime|gettimeofday)\(|#include "common/clock.h"' \
    "${sources[@]}"
}

check_mutants() {
  "$ROOT/tests/chaos/mutants/run" --check
}

checks() {
  tally_run "checks / shellcheck" check_shell
  tally_run "checks / clang-format" check_format
  tally_run "checks / every mutant's patch still applies" check_mutants
  tally_run "checks / clang compiles it without a warning" check_clang
  tally_passed || return
  tally_run "checks / pure files do no I/O" check_pure
  tally_run "checks / clang-tidy" check_tidy
}
