# shellcheck shell=bash
# build.sh: the programs, by meson and ninja, in a directory under build/.
#
# A directory is set up again when its options, its compiler or its own place changed (a copied checkout), else ninja looks
# for what is older than its sources. Debian's meson is taken, whatever python3 the caller's PATH finds first.

# Options of the build directories that have a name here; any other is taken as it is found.
build_options() { # $1: directory
  case ${1##*/} in
    release) echo gcc g++ --buildtype=release -Dtests=false ;;
    bench) echo gcc g++ --buildtype=release ;;
    sanitize) echo gcc g++ --buildtype=debugoptimized -Db_sanitize=address,undefined -Dfailpoints=true ;;
    clang) echo clang clang++ --buildtype=debugoptimized ;;
    *) echo gcc g++ --buildtype=debugoptimized ;;
  esac
}

# A directory that was set up by hand is used as it is; only what this file made is ever removed.
build_configure() { # $1: directory
  local directory=$1 options stamp
  read -ra options <<<"$(build_options "$directory")"
  stamp="$directory ${options[*]}"
  if [ -e "$directory/build.ninja" ]; then
    [ -e "$directory/hookline-options" ] || return 0
    [ "$(<"$directory/hookline-options")" != "$stamp" ] || return 0
  fi
  [ ! -e "$directory/hookline-options" ] || rm -rf "$directory"
  mkdir -p "$directory"
  : >"$directory/hookline-options"
  CC=${options[0]} CXX=${options[1]} PKG_CONFIG_PATH=$(packages_pkg_config_path) \
    /usr/bin/meson setup "$directory" "$ROOT" "${options[@]:2}"
  printf '%s' "$stamp" >"$directory/hookline-options"
}

# All errors there are, and nothing of what went well.
build_ready() { # $1: directory
  build_configure "$1"
  PKG_CONFIG_PATH=$(packages_pkg_config_path) ninja -C "$1" -j "$(nproc)" -k 0 --quiet
}
