#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs what is missing on a Debian machine, builds the library in every configuration that it
# promises to work in, and runs every test in each.
#
#   tests/run.sh [--quick] [--only NAME] [--list]
#
#   --quick       two configurations of the machine's own compiler, and the checks of the tree
#   --only NAME   one configuration
#   --list        their names
#
# The last line is "N passed, N failed", with ", N skipped" if there were any. Build directories,
# logs and results are in build-test/. JOBS in the environment says how many configurations go on at
# a time, by default one for each processor.

set -euo pipefail

cd "$(dirname "$0")/.."
out=build-test
jobs=${JOBS:-$(nproc)}

# Longest first, so that no processor is left with a long one at the end.
configurations=(
    valgrind clang-tsan gcc-tsan clang-asan gcc-asan
    aarch64 riscv64 arm arm-a32
    aarch64-outline riscv64-outline arm-outline arm-a32-outline
    aarch64-debug riscv64-debug arm-debug arm-a32-debug
    aarch64-bti
    aarch64-clang riscv64-clang arm-clang
    instructions
    release debug lto hardened native outline outline-debug
    clang clang-debug clang-hardened clang-outline clang-lto
    aarch64-hardened riscv64-hardened arm-hardened riscv64-lto
    static tree riscv64-soft darwin bench
)
quick=(release debug tree)

packages_native=(gcc g++ libc6-dev meson ninja-build pkg-config python3 libcriterion-dev binutils
    gdb libunwind-dev liburing-dev libssl-dev libnghttp2-dev libc-ares-dev clang clang-format
    curl openssl nghttp2-client netcat-openbsd wrk apache2-utils node-llhttp chromium
    libhiredis-dev libpq-dev libcurl4-openssl-dev redis-server postgresql)
packages_all=(libclang-rt-14-dev valgrind libc6-dbg qemu-user
    {gcc,g++}-{aarch64-linux-gnu,riscv64-linux-gnu,arm-linux-gnueabihf}
    libc6-dev-{arm64,riscv64,armhf}-cross)

usage() {
    sed -n '/^#   tests/,/^#   --list/s/^# \{0,3\}//p' "$0"
    exit 2
}

# Only what is missing, so that a second run needs no network.
install_packages() {
    local missing=() package as_root=()
    if ! command -v dpkg-query >/dev/null; then
        echo "not a Debian machine: the tools are taken as they are"
        return
    fi
    for package; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    echo "installing ${missing[*]}"
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    start_no_services "${as_root[@]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    "${undo[@]}"
    trap - EXIT
}

# Servers among the packages are for the tests, which start their own: none is to run because it was
# installed, unless the machine has a policy already.
start_no_services() {
    local policy=/usr/sbin/policy-rc.d
    undo=(:)
    [ ! -e "$policy" ] || return 0
    undo=("$@" rm -f "$policy")
    trap '"${undo[@]}"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "$@" tee "$policy" >/dev/null
    "$@" chmod 755 "$policy"
}

# configure NAME: sets what the configuration is made of
#   compiler  gcc or clang; not for cross builds, whose file names it
#   options   of meson setup
#   settings  environment of the tests
#   wrapper   what runs each executable
#   slower    factor on time limits
#   suites    of meson's that are run, or are not
#   targets   what is built; all, if none is named
#   checks    commands to run after the tests, one a line, each counting as a test
configure() {
    compiler=gcc options=() settings=() wrapper='' slower=1 checks=''
    # The tree is checked by itself, and the examples, which take long, in a few places.
    suites=(--no-suite tree --no-suite examples) targets=()
    case $1 in
    release | static | aarch64 | riscv64 | arm) suites=(--no-suite tree) ;;
    clang-lto | *64-hardened | arm-hardened | riscv64-lto) only arch coro gen ;;
    lto | hardened | clang-hardened | outline-debug | clang-outline | aarch64-* | riscv64-* | arm-*)
        only arch base coro gen sched sync
        ;;
    esac
    case $1 in
    release)
        options=(-Doptimization=2 -Ddebug=false)
        checks="tests/exports $out/release
                tests/install $out/release"
        ;;
    debug) options=(--buildtype=debug -Dchecks=enabled) ;;
    lto) options=(-Doptimization=3 -Db_lto=true -Ddefault_library=static) ;;
    hardened | clang-hardened)
        [ "$1" = hardened ] || compiler=clang
        options=(-Doptimization=s)
        flags -fno-omit-frame-pointer -fstack-protector-strong -fcf-protection=full
        checks="tests/exports $out/$1 IBT"
        ;;
    native) # more registers, where the machine has them; and stacks that come and go
        options=(-Doptimization=3 -Dcares=enabled)
        flags -march=native
        settings=(HKT_HIBERNATE=random)
        ;;
    outline) options=(-Dswitch=outline) ;;
    outline-debug)
        options=(--buildtype=debug -Dswitch=outline)
        settings=(HKT_HIBERNATE=random)
        ;;
    clang) compiler=clang options=(-Doptimization=2 -Ddebug=false) ;;
    clang-debug) compiler=clang options=(--buildtype=debug -Dchecks=enabled -Dcares=enabled) ;;
    clang-outline) compiler=clang options=(-Dswitch=outline) ;;
    clang-lto) compiler=clang options=(-Doptimization=3 -Db_lto=true) ;;
    static)
        options=(-Dcriterion=disabled -Ddefault_library=static -Dprefer_static=true
            -Db_staticpic=false -Db_pie=false -Dc_link_args=-static -Dcpp_link_args=-static)
        flags -fno-pie
        ;;
    gcc-asan)
        sanitize address,undefined
        options+=(-Dcares=enabled)
        checks="tests/watchers $out/$1 asan
                env TEST_TIME_SCALE=5 TEST_ONLY=flood tests/examples/servers $out/$1 setarch -R"
        ;;
    clang-asan)
        compiler=clang
        sanitize address,undefined
        flags -fsanitize-address-use-after-return=always
        settings+=(HKT_HIBERNATE=random)
        checks="tests/watchers $out/$1 asan clang"
        ;;
    gcc-tsan)
        sanitize thread
        options+=(-Dcares=enabled)
        checks="tests/watchers $out/$1 tsan"
        ;;
    clang-tsan)
        compiler=clang
        sanitize thread
        settings+=(HKT_HIBERNATE=random)
        checks="tests/watchers $out/$1 tsan clang"
        ;;
    valgrind)
        options=(-Dcriterion=disabled -Dcares=enabled)
        wrapper='valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite
            --errors-for-leak-kinds=definite'
        slower=8
        checks="tests/watchers $out/$1 valgrind"
        ;;
    aarch64* | riscv64* | arm*) configure_foreign "$1" ;;
    *)
        echo "no configuration $1"
        return 2
        ;;
    esac
    case $1 in # in which they are neither run nor compiled in a way of their own
    valgrind | *-tsan | clang-asan | native | outline) options+=(-Dexamples=disabled) ;;
    esac
    [ -n "$wrapper" ] && [ "$1" != valgrind ] || return 0
    command -v "${wrapper%% *}" >/dev/null || wrapper=''
}

# only FOLDER...: the tests in these, where the options are about how switches are compiled. What
# stands on the scheduler is run on each processor as its own configuration has it.
only() {
    local folder file
    suites=() targets=()
    for folder; do
        suites+=(--suite "$folder")
        for file in "tests/$folder"/test_*.c*; do
            file=${file##*/}
            targets+=("tests/${file%.*}")
        done
    done
}

# flags FLAG...: for the C and the C++ compiler
flags() {
    options+=("-Dc_args=$*" "-Dcpp_args=$*")
}

# A test that dies of a signal as it should must do so under a sanitizer too, so that handles none.
# Not with Criterion: its worker leaves without LeakSanitizer's check, so that leaks would go
# unnoticed, and under ThreadSanitizer it faults itself before the first test. Of Valgrind it would
# run apart from what is watched: an error in a test is not the program's status.
# Address space is not randomised, because the sanitizers of Debian 12 cannot live with as many
# random bits as later kernels use.
sanitize() {
    options=(-Dcriterion=disabled "-Db_sanitize=$1" -Db_lundef=false)
    wrapper='setarch -R'
    slower=5
    local common=handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_abort=0
    settings=(
        "ASAN_OPTIONS=$common:detect_stack_use_after_return=1:detect_leaks=1:strict_string_checks=1"
        "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
        "TSAN_OPTIONS=$common:halt_on_error=1:atexit_sleep_ms=50"
    )
}

configure_foreign() {
    local isa=${1%%-*}
    compiler=
    slower=5
    options=(--cross-file "arch/$isa/cross.ini")
    # Meson knows it for programs that it built, but scripts must be told.
    settings=("MESON_EXE_WRAPPER=$(sed -n "s/^exe_wrapper = //p" "arch/$isa/cross.ini" | tr -d "[]',")")
    case $1 in
    *-debug) options+=(--buildtype=debug) ;;
    *-outline) options+=(-Dswitch=outline) ;;
    *-clang) cross_clang "$isa" ;;
    *-hardened)
        options+=(-Doptimization=s)
        flags -fno-omit-frame-pointer -fstack-protector-strong
        ;;
    *-lto) options+=(-Doptimization=3 -Db_lto=true) ;;
    esac
    case $1 in
    aarch64-clang | *-bti)
        flags -mbranch-protection=standard
        checks="tests/exports $out/$1 BTI"
        ;;
    arm-a32*) flags -marm ;;
    esac
}

# Clang instead of GCC, with all else as the cross file says.
cross_clang() {
    local file=$out/clang-$1.ini triple=$1-linux-gnu
    [ "$1" != arm ] || triple=arm-linux-gnueabihf
    printf "[binaries]\nc = ['clang', '--target=%s']\ncpp = ['clang++', '--target=%s']\n" \
        "$triple" "$triple" >"$file"
    options+=(--cross-file "$file")
}

# The build directory is kept from run to run, unless its options have changed.
set_up() {
    local dir=$out/$1 stamp=$out/$1/options
    local wanted="$compiler ${options[*]}"
    [ -f "$dir/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    rm -rf "$dir"
    if [ -n "$compiler" ]; then
        export CC=$compiler CXX=${compiler/gcc/g}++
        CXX=${CXX/clang++/clang++}
    fi
    meson setup "${options[@]}" "$dir" && echo "$wanted" >"$stamp"
}

# fail NAME WHY LOG: a result of what is no test but went wrong. What ninja did well is left out.
fail() {
    printf 'fail\t%s\t%s\n' "$1" "$2"
    grep -vE '^\[[0-9]+/[0-9]+\] (Compiling|Linking|Generating)' "$3" | tail -60 | sed 's/^/| /'
}

run_check() {
    local name=${1#tests/} log=$out/check.$BASHPID
    name=${name//$out\//}
    # A list of words.
    # shellcheck disable=SC2086
    if $1 >"$log" 2>&1; then
        printf 'pass\t%s\t\n' "$name"
    else
        fail "$name" "" "$log"
    fi
    rm -f "$log"
}

run_checks() {
    local check
    while read -r check; do
        [ -z "$check" ] || run_check "$check"
    done <<<"$1"
}

# Prints results, a line each: see tests/support/tally.py.
run_configuration() {
    local name=$1 dir=$out/$1 log=$out/$1.log
    configure "$name"
    if ! set_up "$name" >"$log" 2>&1; then
        fail "$name" "cannot be configured" "$log"
        return
    fi
    if ! ninja -j"$threads" -C "$dir" "${targets[@]}" >"$log" 2>&1; then
        fail "$name" "does not build" "$log"
        return
    fi
    rm -f "$dir"/meson-logs/testlog* "$dir"/tests/*.tap
    # Its status says no more than the results do. Tests wait for much of their time, so one more
    # goes on than there are processors.
    env "${settings[@]}" TEST_TIME_SCALE=$slower meson test --no-rebuild -C "$dir" \
        "${suites[@]}" --num-processes $((threads + 1)) --timeout-multiplier $slower \
        ${wrapper:+--wrapper "${wrapper//$'\n'/ }"} >"$log" 2>&1 || :
    if ! compgen -G "$dir/meson-logs/testlog*.json" >/dev/null; then
        fail "$name" "meson test did not run" "$log"
    fi
    python3 tests/support/tally.py "$dir"
    run_checks "$checks"
}

# Of a script that prints TAP.
run_tap() {
    local name=${1#tests/} log=$out/tap.$BASHPID failed=0 tab=$'\t'
    "$1" >"$log" 2>&1 || failed=$?
    sed -n -e "s/^ok [0-9]* - \(.*\) # SKIP \(.*\)/skip$tab\1$tab\2/p; t" \
        -e "s/^ok [0-9]* - \(.*\)/pass$tab\1$tab/p" \
        -e "s/^not ok [0-9]* - \(.*\)/fail$tab\1$tab/p" -e 's/^# /| /p' "$log"
    if ((failed != 0 && failed != 77)) && ! grep -q '^not ok' "$log"; then
        fail "$name" "ends with status $failed" "$log"
    fi
    rm -f "$log"
}

# What needs no build of its own.
run_tree() {
    run_checks "tests/layers
        tests/layers --self
        tests/async
        tests/async --self
        tests/style format
        tests/style spdx
        tests/style paths
        tests/style listed
        tests/scenarios
        tests/scenarios --self
        tests/headers
        tests/runner
        tests/subproject"
}

# run NAME: runs it, and leaves its results in a file
run() {
    local name=$1 started=$SECONDS
    case $name in
    tree) run_tree ;;
    riscv64-soft) run_check tests/softfloat ;;
    darwin) run_tap tests/poll/darwin ;;
    instructions) run_tap tests/instructions ;;
    bench)
        run_tap tests/bench/suite
        run_tap tests/bench/programs
        ;;
    *) run_configuration "$name" ;;
    esac >"$out/$name.results" 2>"$out/$name.errors"
    report "$name" $((SECONDS - started))
}

count() {
    local status=$1
    shift
    cat "$@" | grep -c "^$status"$'\t' || :
}

# One line, and what failed in full.
report() {
    local name=$1 results=$out/$1.results failed skipped
    failed=$(count fail "$results")
    skipped=$(count skip "$results")
    printf '%-18s %4d passed, %d failed%s  %d s\n' "$name" "$(count pass "$results")" "$failed" \
        "$( ((skipped)) && echo ", $skipped skipped")" "$2"
    ((failed)) || return 0
    grep -v $'^\(pass\|skip\)\t' "$results" | tr '\t' ' ' | sed 's/^/    /'
}

# As many at a time as there are processors.
run_all() {
    local name
    for name; do
        while (($(jobs -rp | wc -l) >= jobs)); do
            wait -n || :
        done
        run "$name" &
    done
    wait
}

# Each reason once, with where it applies.
report_skips() {
    local name
    for name; do
        sed -n "s/^skip\t\(.*\)$/\1\t$name/p" "$out/$name.results"
    done | awk -F '\t' '
        { key = $1 ": " $2; where[key] = where[key] " " $3 }
        END { for (key in where) print "skipped " key " (" substr(where[key], 2) ")" }' | sort
}

report_sums() {
    local name files=() passed failed skipped
    for name; do
        files+=("$out/$name.results")
        # A configuration without a result has failed, whatever the reason.
        grep -qs $'^\(pass\|fail\|skip\)\t' "$out/$name.results" || {
            printf 'fail\t%s\tno results\n' "$name" >>"$out/$name.results"
            echo "$name: no results"
            cat "$out/$name.errors"
        }
    done
    report_skips "$@"
    passed=$(count pass "${files[@]}") failed=$(count fail "${files[@]}")
    skipped=$(count skip "${files[@]}")
    ((failed == 0)) || grep -H $'^fail\t' "${files[@]}" |
        sed "s,^$out/\(.*\)\.results:fail\t,FAILED \1: ,; s/\t/ /g"
    echo "$passed passed, $failed failed$( ((skipped)) && echo ", $skipped skipped")"
    ((failed == 0))
}

main() {
    local chosen=("${configurations[@]}") packages=("${packages_native[@]}" "${packages_all[@]}")
    while (($#)); do
        case $1 in
        --quick) chosen=("${quick[@]}") packages=("${packages_native[@]}") ;;
        --only)
            [ $# -ge 2 ] || usage
            [[ " ${configurations[*]} " == *" $2 "* ]] || { echo "no configuration $2" && exit 2; }
            chosen=("$2")
            shift
            ;;
        --list)
            printf '%s\n' "${configurations[@]}"
            exit 0
            ;;
        *) usage ;;
        esac
        shift
    done
    install_packages "${packages[@]}"
    mkdir -p "$out"
    rm -f "$out"/*.results "$out"/*.errors "$out"/check.*
    # Configurations go on beside each other; a single one gets all processors.
    threads=1
    ((${#chosen[@]} > 1)) || threads=$jobs
    trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
    run_all "${chosen[@]}"
    report_sums "${chosen[@]}"
}

main "$@"
