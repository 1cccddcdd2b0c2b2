# shellcheck shell=bash
# tools/lib.sh: what the scripts in this folder share. Sourced, never run.

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Leaves no setting of the caller's own PostgreSQL client in the way; PG_CONFIG and its like stay.
forget_pg_environment() {
  local name
  for name in $(compgen -e); do
    case $name in PG_*) ;; PG*) unset "$name" ;; esac
  done
}

pg_config_says() {
  "${PG_CONFIG:-pg_config}" "$1" 2>/dev/null || die "pg_config not found; 'make deps' installs what is missing"
}

# PostgreSQL refuses to run as root, so root hands the server to somebody else. Empty for everybody else.
server_user() {
  [ "$(id -u)" = 0 ] || return 0
  if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi
}

# What is left of the caller's environment must make sense to that user, who may not be allowed to write where TMPDIR points.
as_server_user() {
  local user
  user=$(server_user)
  if [ -z "$user" ]; then
    "$@"
  else
    env --unset=TMPDIR --unset=TMP --unset=TEMP \
      setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --inh-caps=-all -- "$@"
  fi
}

# A new directory of the server's user, with a path short enough for a Unix socket (107 bytes).
new_server_directory() {
  local directory user
  directory=$(mktemp -d /tmp/rtXXXXXX)
  user=$(server_user)
  [ -z "$user" ] || chown "$user:" "$directory"
  echo "$directory"
}

package_version() {
  sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" extension/ratchet.control
}
