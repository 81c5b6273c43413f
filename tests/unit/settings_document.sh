#!/bin/sh
# settings_document.sh DOCS BUILD: docs/settings.md is what the programs' tables print now.
set -eu
docs=$1 build=$2
"$docs/print-settings" "$build" | diff -u "$docs/settings.md" - || {
  echo "docs/settings.md is stale: docs/print-settings $build >docs/settings.md" >&2
  exit 1
}
