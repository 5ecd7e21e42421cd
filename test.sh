#!/usr/bin/env bash
# Runs every test, with the race detector, against real servers.
#
#   ./test.sh                     everything
#   ./test.sh ./segments/...      some packages
#
# What is missing on this machine (PostgreSQL, Redis, Postfix, Chromium, a C
# compiler for the race detector) is installed from the system's packages, with
# sudo where this is not root. No service is started or left running: the tests
# start private servers on free ports, and one PostgreSQL is started here for
# all packages to share. It keeps fsync on, because the tests kill servers and
# then ask what survived. RAPPORT_TEST_INSTALL=no installs nothing; the tests
# that need what is missing are then skipped, and say so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '\n== %s\n' "$*"; }
complain() { printf 'test.sh: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# Servers live in sbin, or in folders of their own.
export PATH="$PATH:/usr/sbin:/sbin"

if ! have go; then
  complain "Go is not installed: https://go.dev/doc/install"
  exit 1
fi

cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
folder=""
postgres_bin=""
postgres_data=""
policy=""

# --- ends whatever was begun, by its own process id ---------------------------

finish() {
  local status=$?
  trap - EXIT INT TERM
  if [[ -n $postgres_data && -f $postgres_data/postmaster.pid ]]; then
    (cd "$folder" && as_postgres "$postgres_bin/pg_ctl" stop -D "$postgres_data" -m fast -w -t 30 >/dev/null 2>&1) ||
      complain "PostgreSQL in $postgres_data did not stop"
  fi
  if [[ -n $folder ]]; then
    rm -rf "$folder"
  fi
  allow_services
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- installs what is missing -------------------------------------------------

as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    complain "this needs root and there is no sudo: $*"
    return 1
  fi
}

# Debian starts services when it installs them, unless this file says no.
forbid_services() {
  if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
}

allow_services() {
  if [[ -n $policy ]]; then
    as_root rm -f "$policy"
    policy=""
  fi
}

# keep_quiet UNIT…: what was just installed does not start with the machine.
keep_quiet() {
  if have systemctl && [[ -d /run/systemd/system ]]; then
    local unit
    for unit in "$@"; do
      as_root systemctl disable --now "$unit" >/dev/null 2>&1 || true # not every package has one
    done
  fi
}

postgres_folder() {
  local server
  server=$(command -v initdb || true)
  if [[ -z $server ]]; then
    server=$(ls -d /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /usr/local/pgsql/bin/initdb \
      /usr/libexec/postgresql*/initdb /opt/homebrew/opt/postgresql*/bin/initdb \
      /usr/local/opt/postgresql*/bin/initdb 2>/dev/null | sort -V | tail -n 1 || true)
  fi
  if [[ -n $server ]]; then
    # The link in PATH may stand alone; its neighbours are beside the file.
    dirname "$(readlink -f "$server" 2>/dev/null || echo "$server")"
  fi
}

have_chromium() { have chromium || have chromium-browser || have google-chrome || have google-chrome-stable || have chrome; }

# missing prints what this machine lacks, in our own words.
missing() {
  [[ -n $(postgres_folder) ]] || echo postgresql
  have redis-server || echo redis
  have smtp-sink || have postfix || echo postfix
  have_chromium || echo chromium
  have cc || have gcc || have clang || echo compiler
}

# install MANAGER THING…
install() {
  local manager=$1 thing
  shift
  for thing in "$@"; do
    say "installing $thing"
    case $manager in
      apt-get) install_apt "$thing" ;;
      dnf)
        case $thing in
          postgresql) as_root dnf install -y -q postgresql-server ;;
          redis) as_root dnf install -y -q redis || as_root dnf install -y -q valkey-compat-redis ;;
          compiler) as_root dnf install -y -q gcc ;;
          *) as_root dnf install -y -q "$thing" ;;
        esac
        ;;
      apk)
        case $thing in
          compiler) as_root apk add --no-cache gcc musl-dev ;;
          *) as_root apk add --no-cache "$thing" ;;
        esac
        ;;
      brew)
        case $thing in
          chromium) brew install --cask chromium ;;
          compiler) xcode-select --install ;;
          *) brew install "$thing" ;;
        esac
        ;;
    esac || complain "could not install $thing; the tests that need it are skipped"
  done
}

install_apt() {
  local packages
  case $1 in
    redis) packages=(redis-server) ;;
    compiler) packages=(gcc libc6-dev) ;;
    postfix)
      # No questions, no configuration: the tests bring their own.
      echo "postfix postfix/main_mailer_type select No configuration" | as_root debconf-set-selections
      packages=(postfix)
      ;;
    *) packages=("$1") ;;
  esac
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null || return 1
  case $1 in
    postgresql) keep_quiet postgresql ;;
    redis) keep_quiet redis-server ;;
    postfix) keep_quiet postfix ;;
  esac
}

provide() {
  local thing manager wanted=()
  while read -r thing; do
    wanted+=("$thing")
  done < <(missing)
  if [[ ${#wanted[@]} -eq 0 ]]; then
    return
  fi
  if [[ ${RAPPORT_TEST_INSTALL:-yes} == no ]]; then
    say "missing and not installed: ${wanted[*]}"
    return
  fi
  for manager in apt-get dnf apk brew ""; do
    if [[ -z $manager ]] || have "$manager"; then
      break
    fi
  done
  if [[ -z $manager ]]; then
    complain "please install: ${wanted[*]} (there is no apt-get, dnf, apk or brew here)"
    return
  fi
  if [[ $manager == apt-get ]]; then
    forbid_services
    say "reading the lists of packages"
    as_root apt-get update -qq || complain "apt-get update failed; trying with the lists that are there"
  fi
  install "$manager" "${wanted[@]}"
  allow_services
  hash -r
}

# --- one PostgreSQL for all packages ------------------------------------------

# random_port prints a loopback port that nobody answers on.
random_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000)) # below the ports that systems hand out themselves
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# PostgreSQL refuses to run as root.
as_postgres() {
  if [[ $(id -u) -ne 0 ]]; then
    "$@"
  elif have runuser; then
    runuser -u postgres -- "$@"
  else
    su -s /bin/sh postgres -c "$(printf '%q ' "$@")"
  fi
}

start_postgres() {
  local attempt port
  if [[ -n ${RAPPORT_TEST_POSTGRES:-} ]]; then
    return # somebody brought one
  fi
  postgres_bin=$(postgres_folder)
  if [[ -z $postgres_bin ]]; then
    return # the tests skip and say why
  fi
  if [[ $(id -u) -eq 0 ]]; then
    if ! id postgres >/dev/null 2>&1; then
      complain "PostgreSQL will not run as root and there is no user postgres"
      return 1
    fi
    chown postgres "$folder"
  fi
  say "starting PostgreSQL"
  postgres_data=$folder/data
  (cd "$folder" && as_postgres "$postgres_bin/initdb" --pgdata "$postgres_data" --username rapport --auth trust \
    --encoding UTF8 --locale C --no-sync >"$folder/initdb.log" 2>&1) || { cat "$folder/initdb.log" >&2; return 1; }
  for attempt in 1 2 3 4 5; do
    port=$(random_port)
    if (cd "$folder" && as_postgres "$postgres_bin/pg_ctl" start -D "$postgres_data" -w -t 60 -l "$postgres_data/log" \
      -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c max_connections=300 -c fsync=on" \
      >/dev/null 2>&1); then
      export RAPPORT_TEST_POSTGRES="postgres://rapport@127.0.0.1:$port/postgres?sslmode=disable"
      echo "$("$postgres_bin/postgres" --version), port $port"
      return
    fi
    complain "PostgreSQL did not start on port $port (attempt $attempt)"
  done
  cat "$postgres_data/log" >&2
  return 1
}

# --- the checks ---------------------------------------------------------------

check_format() {
  say "gofmt"
  local wrong
  wrong=$(gofmt -l .)
  if [[ -n $wrong ]]; then
    printf 'not formatted:\n%s\n' "$wrong"
    return 1
  fi
}

check_vet() {
  say "go vet"
  go vet ./...
}

run_tests() {
  say "go test -race"
  go build -buildvcs=false -o "$folder/count" ./internal/house/count || return 1
  go test -json -race -timeout 15m -p "$cores" "$@" 2>&1 | "$folder/count"
}

provide
folder=$(mktemp -d "${TMPDIR:-/tmp}/rapport-tests.XXXXXX")
chmod 755 "$folder"
start_postgres

failed=()
check_format || failed+=(gofmt)
check_vet || failed+=(vet)
run_tests "${@:-./...}" || failed+=(tests)

if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'FAILED: %s\n' "${failed[*]}"
  exit 1
fi
echo "all good"
