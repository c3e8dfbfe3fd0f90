#!/usr/bin/env bash
# Gets what `make` needs and this machine has not: each step says what it does, costs nothing when it is done already,
# and never touches a service that it did not start.
#
#   infra/setup.sh python       .venv with the locked dependencies
#   infra/setup.sh dev          the same, with what linting and testing need
#   infra/setup.sh pages        agent_console/web/dist and channels/citizen_web/dist
#   infra/setup.sh mini-program what the mini program is tested with
#   infra/setup.sh asterisk     an Asterisk 22, and the tools that make spoken prompts
#   infra/setup.sh test-parts   PostgreSQL, Redis, Dovecot, ffmpeg, Chromium with Chinese fonts
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\033[36m▸ %s\033[0m\n' "$*" >&2; }
fail() { printf '\033[31m✗ %s\033[0m\n' "$*" >&2; exit 1; }

# Stamps hold the hash of what a step was made from, so that a changed lock file is noticed and an equal one is free.
fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }
hash_of() { cat "$@" | sha256sum | cut -d' ' -f1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1; fi
}

# apt_install WHAT-FOR PACKAGE...: install what is missing, without letting a package start its service.
apt_install() {
    local purpose=$1 missing=() package
    shift
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return 0
    if ! command -v apt-get >/dev/null || ! as_root true; then
        say "left out: $purpose. To have it / 如需此功能，请安装: apt-get install ${missing[*]}"
        return 0
    fi
    say "installing for $purpose: ${missing[*]}"
    local policy=/usr/sbin/policy-rc.d ours=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod +x $policy
        ours=yes
    fi
    as_root apt-get update -qq || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
        || say "could not install: ${missing[*]}"
    [ -z "$ours" ] || as_root rm -f $policy
}

find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed / 需要 Python 3.11 或更高版本"
}

venv() { # venv LOCK-FILE STAMP
    local lock=$1 stamp=.venv/$2 want
    want=$(hash_of "$lock" pyproject.toml)
    fresh "$stamp" "$want" && return 0
    if [ ! -x .venv/bin/python ]; then
        local python
        python=$(find_python)
        "$python" -c 'import ensurepip' 2>/dev/null || apt_install "a virtual environment" python3-venv
        say "making .venv with $("$python" --version)"
        "$python" -m venv .venv
    fi
    say "installing the locked Python packages ($lock)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
    echo "$want" >"$stamp"
}

pages() {
    command -v npm >/dev/null || fail "Node 20 or newer with npm is needed / 需要 Node 20 或更高版本"
    node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || fail "Node 20 or newer is needed, this is $(node --version)"
    pages_in agent_console/web "the agents' pages"
    pages_in channels/citizen_web "the citizens' pages"
}

packages_of() { # packages_of FOLDER NAME
    local folder=$1 name=$2 want
    want=$(hash_of "$folder/package-lock.json")
    fresh "$folder/node_modules/.stamp" "$want" && return 0
    say "installing the locked packages of $name"
    (cd "$folder" && npm ci --no-audit --no-fund --no-update-notifier --silent)
    echo "$want" >"$folder/node_modules/.stamp"
}

pages_in() { # pages_in FOLDER NAME
    local web=$1 name=$2 want
    packages_of "$web" "$name"
    want=$(find "$web" -path "$web/node_modules" -prune -o -path "$web/dist" -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
    if ! fresh "$web/dist/.stamp" "$want"; then
        say "building $name"
        (cd "$web" && npm run --silent build -- --logLevel warn)
        echo "$want" >"$web/dist/.stamp"
    fi
}

case "${1:-}" in
    python) [ -f .venv/.dev ] && venv requirements-dev.lock .dev || venv requirements.lock .run ;;
    dev) venv requirements-dev.lock .dev ;;
    pages) pages ;;
    mini-program) packages_of channels/mini_program "the mini program" ;;
    asterisk)
        apt_install "spoken prompts" espeak-ng sox
        .venv/bin/lianxin asterisk install
        ;;
    test-parts)
        apt_install "tests on PostgreSQL" postgresql
        apt_install "tests on Redis" redis-server
        apt_install "tests of the mailbox" dovecot-imapd
        apt_install "stills of videos" ffmpeg
        apt_install "tests in a browser" chromium fonts-noto-cjk
        ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
