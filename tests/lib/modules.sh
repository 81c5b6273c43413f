# shellcheck shell=bash
# modules.sh: what the tests import from npm (retell-sdk, stripe, …), as tests/system/package-lock.json names it; kept while
# that file stays as it is.

system_modules() {
  local folder=$ROOT/tests/system wanted
  wanted=$(sha256sum <"$folder/package-lock.json")
  [ "$(cat "$folder/node_modules/.lock.sha256" 2>/dev/null)" = "$wanted" ] && return
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund)
  echo "$wanted" >"$folder/node_modules/.lock.sha256"
}
