# shellcheck shell=bash
# secrets.sh: passwords, keys and tokens of the stack: random, one file each in $RUN/secrets (mode 0600), made once.

secret_make() { # names
  local name
  for name; do
    [ -s "$RUN/secrets/$name" ] || head -c 18 /dev/urandom | basenc --base64url | secret_keep "$name"
  done
}

secret_keep() { # $1: name; standard input: the secret
  (umask 077 && cat >"$RUN/secrets/$1.new")
  mv "$RUN/secrets/$1.new" "$RUN/secrets/$1"
}

secret() { # $1: name
  cat "$RUN/secrets/$1"
}
