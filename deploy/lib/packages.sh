# shellcheck shell=bash
# packages.sh: what hookline needs of Debian 12 or 13, installed if it is missing.
#
# Fast when all is there: one look at dpkg's list, no network. Where packages come from is the machine's own configuration;
# nothing here names a mirror. Debian 12 lacks llhttp and yyjson: Debian 13's packages, which need only an old libc, are
# fetched beside the machine's own sources, which stay as they are. Refuses, with a sentence, to go on without root or sudo.

PACKAGES_TO_BUILD="gcc g++ libc6-dev meson ninja-build pkgconf python3 librdkafka-dev libpq-dev libevent-dev
  libcurl4-openssl-dev libssl-dev libwslay-dev libphonenumber-dev libsqlite3-dev"
PACKAGES_TO_RUN="postgresql postgresql-client runit curl ca-certificates procps util-linux"
PACKAGES_TO_TEST="libcmocka-dev patch clang clang-format clang-tidy shellcheck chromium git python3-psycopg2
  python3-confluent-kafka"
PACKAGES_OF_DEBIAN_13="libyyjson0 libyyjson-dev libllhttp9.2 libllhttp-dev"

PACKAGES_PREFIX=$ROOT/build/debian13 # where they are unpacked for who may not install

# Those of the arguments that are not installed.
packages_missing() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(printf '%s\n' "$installed" | sort -u)
}

# Whether a Java is there that Kafka runs on, and a Node that the tests run on; whose does not matter.
packages_java() {
  local version
  version=$(java -version 2>&1 | sed -n '1s/.*"\([0-9]*\).*/\1/p') || return 1
  [ "${version:-0}" -ge 17 ]
}

packages_node() {
  local version
  version=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || return 1
  [ "${version:-0}" -ge 20 ] && command -v npm >/dev/null
}

packages_list() { # run | test
  # shellcheck disable=SC2086 # a list of words
  printf '%s\n' $PACKAGES_TO_BUILD $PACKAGES_TO_RUN
  packages_java || echo default-jre-headless
  command -v mvn >/dev/null || echo maven
  if [ "$1" = test ]; then
    # shellcheck disable=SC2086 # a list of words
    printf '%s\n' $PACKAGES_TO_TEST
    packages_node || printf '%s\n' nodejs npm
  fi
}

packages_as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    return 1
  fi
}

packages_need_root() { # $*: what is missing
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || {
    echo "These packages are missing: $*"
    echo "You are not root and there is no sudo. As root: apt-get install $*"
    return 1
  }
}

packages_apt() {
  packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# Debian's postgresql makes and starts a cluster of its own when it is installed. Ours is another one, so on a machine that
# has had no PostgreSQL it is told not to, for the time of the installation.
packages_install() {
  local quiet_cluster=/etc/postgresql-common/createcluster.d/hookline-installs.conf fresh=no
  [ -e /etc/postgresql-common ] || fresh=yes
  packages_apt update
  if [ "$fresh" = yes ] && [[ " $* " == *" postgresql "* ]]; then
    packages_as_root mkdir -p "${quiet_cluster%/*}"
    echo 'create_main_cluster = false' | packages_as_root tee "$quiet_cluster" >/dev/null
    # shellcheck disable=SC2064 # the path as it is now
    trap "packages_as_root rm -f '$quiet_cluster'" EXIT
  fi
  packages_apt install --no-install-recommends "$@"
  if [ -e "$quiet_cluster" ]; then
    packages_as_root rm -f "$quiet_cluster"
  fi
}

# llhttp and yyjson ---------------------------------------------------------------------------------------------------

packages_found_by_pkgconf() {
  PKG_CONFIG_PATH=$(packages_pkg_config_path) pkg-config --exists libllhttp yyjson
}

packages_pkg_config_path() {
  local path
  path=$(echo "$PACKAGES_PREFIX"/usr/lib/*/pkgconfig)
  printf '%s' "$([ -d "$path" ] && printf '%s' "$path:")${PKG_CONFIG_PATH-}"
}

# apt with a source list, state and cache of its own in $1.
packages_apt_beside() {
  local directory=$1
  shift
  apt-get -q -o Dir::Etc::sourcelist="$directory/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State="$directory/state" \
    -o Dir::Cache="$directory/cache" -o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User= "$@"
}

packages_fetch_of_debian_13() { # $1: an empty directory; the .deb files are in it afterwards
  local directory=$1 mirror
  # shellcheck disable=SC2016 # apt's own placeholders
  mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian //p' | sort -u | head -n 1)
  [ -n "$mirror" ] || {
    echo "This machine's apt names no Debian mirror (apt-get indextargets)."
    return 1
  }
  mkdir -p "$directory/state/lists/partial" "$directory/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$directory/sources.list"
  packages_apt_beside "$directory" update
  # shellcheck disable=SC2086 # a list of words
  (cd "$directory" && packages_apt_beside "$directory" download $PACKAGES_OF_DEBIAN_13)
}

packages_unpack() { # $1: the directory of the .deb files
  local package
  rm -rf "$PACKAGES_PREFIX"
  mkdir -p "$PACKAGES_PREFIX"
  for package in "$1"/*.deb; do
    dpkg -x "$package" "$PACKAGES_PREFIX"
  done
  sed -i "s|^prefix=.*|prefix=$PACKAGES_PREFIX/usr|; s|=/usr/|=$PACKAGES_PREFIX/usr/|" "$PACKAGES_PREFIX"/usr/lib/*/pkgconfig/*.pc
}

packages_of_debian_13() {
  local directory
  packages_found_by_pkgconf && return
  directory=$(mktemp -d)
  # shellcheck disable=SC2064 # the path as it is now
  trap "rm -rf '$directory'" EXIT
  packages_fetch_of_debian_13 "$directory"
  if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
    packages_apt install --no-install-recommends "$directory"/*.deb
  else
    packages_unpack "$directory"
  fi
  packages_found_by_pkgconf
}

# Everything that is needed to `run`, or to `test` (which includes running).
packages_ready() {
  local missing
  command -v apt-get dpkg-query >/dev/null || {
    echo "hookline installs itself on Debian 12 and 13; here is no apt-get or no dpkg."
    return 1
  }
  # shellcheck disable=SC2046 # a list of words
  missing=$(packages_missing $(packages_list "$1"))
  if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # a list of words
    packages_need_root $missing
    # shellcheck disable=SC2086 # a list of words
    packages_install $missing
    echo "note: $(wc -w <<<"$missing") installed"
  fi
  packages_found_by_pkgconf && return
  if apt-cache policy libyyjson-dev libllhttp-dev | grep -c 'Candidate: [0-9]' | grep -qx 2; then
    packages_need_root libyyjson-dev libllhttp-dev
    packages_apt install --no-install-recommends libyyjson-dev libllhttp-dev
  else
    packages_of_debian_13
  fi
}
