#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs what is missing on a Debian machine, builds hocket and its peers into build-bench/,
# measures them in one run, and shows a table and a picture.
#
#   bench/run.sh [--quick] [--only NAME]... [--rounds N] [--compare OLD.json | --against REV]
#                [--json FILE] [--html FILE]
#
#   --quick       fewer rounds, shorter; once all is built, done within 45 seconds
#   --only NAME   one bench or case, such as switch or http/64; or servers, which are all of them
#   --rounds N    default: 8, with --quick 3; of a comparison as many as its test needs
#   --compare OLD.json
#                 say what has changed since that run, and whether it is beyond noise
#   --against REV
#                 the same against another revision of hocket, which is built in build-bench-old/
#                 and measured in the same rounds, without peers
#   --json FILE   default: build-bench/bench.json; what is no number goes into bench.more.json
#   --html FILE   default: build-bench/bench.html
#
# A peer that cannot be installed is left out and named.

set -euo pipefail

began=${EPOCHREALTIME//[^0-9]/} # microseconds
top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build-bench
python=/usr/bin/python3 # that of the system, to which its greenlet belongs

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)

needed=(gcc libc6-dev meson ninja-build pkg-config python3)
peers=(g++ libboost-context-dev libboost-fiber-dev libpcl1-dev libst-dev golang-go python3-greenlet
    libuv1-dev libev-dev liburing-dev nginx node-llhttp strace)

options=(-Dbuildtype=release -Db_lto=true -Dbench=true -Dtests=disabled -Dexamples=disabled)

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install PACKAGE...: all at once, or else each that can be
install() {
    local package
    local apt=(-y -qq --no-install-recommends -o Acquire::Retries=0
        -o Acquire::http::Timeout=5 -o Acquire::https::Timeout=5)
    echo "installing $*"
    "${as_root[@]}" apt-get update -qq "${apt[@]:3}" >/dev/null 2>&1 || :
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${apt[@]}" "$@" \
        >/dev/null 2>&1 && return
    for package; do
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${apt[@]}" \
            "$package" >/dev/null 2>&1 || echo "could not install $package"
    done
}

# Only what is missing, so that a second run needs no network.
install_missing() {
    local missing=() package
    if ! command -v dpkg-query >/dev/null; then
        echo "not a Debian machine: the tools are taken as they are"
        return
    fi
    for package in "${needed[@]}" "${peers[@]}"; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]} == 0)) || install "${missing[@]}"
    # It came to be measured, and not to serve this machine.
    if [[ " ${missing[*]} " == *" nginx "* ]] && command -v systemctl >/dev/null; then
        "${as_root[@]}" systemctl disable --now nginx >/dev/null 2>&1 || :
    fi
    for package in "${needed[@]}"; do
        is_installed "$package" && continue
        echo "bench/run.sh: cannot do without $package, which could not be installed" >&2
        exit 1
    done
}

# run COMMAND...: quietly, unless it fails
run() {
    "$@" >"$build/build.log" 2>&1 && return
    tail -40 "$build/build.log" >&2
    echo "bench/run.sh: failed: $* (all of it is in build-bench/build.log)" >&2
    exit 1
}

# Meson remembers what it did not find: configured anew when there is more.
configure() {
    local there package
    there=$(for package in "${peers[@]}"; do
        if is_installed "$package"; then echo "$package"; fi
    done)
    if [ -f "$build/build.ninja" ] && [ "$there" = "$(cat "$build/peers.txt" 2>/dev/null)" ]; then
        return
    fi
    rm -rf "$build"
    mkdir "$build"
    run meson setup "$build" "$top" "${options[@]}"
    echo "$there" >"$build/peers.txt"
}

orchestrate() {
    "$python" -B "$top/bench/orchestrate.py" --build "$build" --meson "${options[*]}" \
        --packages "${peers[*]}" "$@"
}

# When it began, by the clock: what had to be built has no part in what --quick promises.
since() {
    tail -1 "$build/build.log" | grep -q 'no work to do' || began=${EPOCHREALTIME//[^0-9]/}
    echo "${began}e-6"
}

case " $* " in
*" --help "* | *" -h "*)
    sed -n '/^#   bench/,/^#   --html/s/^# \{0,3\}//p' "$0"
    exit
    ;;
esac
[ ! -x "$python" ] || orchestrate --check "$@"
install_missing
orchestrate --check "$@"
echo "building"
configure
run ninja -C "$build" bench-programs
orchestrate --since "$(since)" "$@"
