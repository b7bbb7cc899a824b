#!/bin/bash
# deps.sh with stand-ins for dpkg-query, apt-get, id and sudo: what it asks of
# apt, and what it says when it may not. TAP.
set -u
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
point=0

stand_in() # name, shell lines
{
    { echo '#!/bin/sh' && printf '%s\n' "$2"; } >"$scratch/bin/$1"
    chmod +x "$scratch/bin/$1"
}

# MISSING names what dpkg-query shall not know; apt-get logs its calls.
new_world() # user id
{
    rm -rf "$scratch/bin" "$scratch/log"
    mkdir "$scratch/bin"
    touch "$scratch/log"
    stand_in dpkg-query 'for last; do :; done
        case " $MISSING " in *" $last "*) exit 1 ;; esac
        printf installed'
    stand_in apt-get "echo \"apt-get \$*\" >>$scratch/log"
    stand_in id "echo $1"
    stand_in sudo 'exit 1'
}

run_deps() # groups
{
    PATH=$scratch/bin:$PATH ./deps.sh "$@" >"$scratch/out" 2>&1
    exit_code=$?
    installs=$(grep -c ' install ' "$scratch/log")
}

check() # name, condition as words
{
    local name=$1
    shift
    point=$((point + 1))
    if "$@"; then
        echo "ok $point - $name"
    else
        echo "not ok $point - $name"
        sed 's/^/# /' "$scratch/out" "$scratch/log"
    fi
}

echo "1..10"
new_world 0
MISSING='' run_deps build
check "with all packages nothing is asked of apt" \
    [ "$exit_code $(wc -c <"$scratch/log")" = "0 0" ]

export MISSING='bats libyaml-dev valgrind'
new_world 0
run_deps build
check "root installs" [ "$exit_code $installs" = "0 1" ]
check "what is missing, and only that" \
    grep -qE -- '--no-install-recommends (libyaml-dev bats|bats libyaml-dev)$' \
    "$scratch/log"
new_world 0
run_deps build lint
check "the other group on request" grep -q valgrind "$scratch/log"

new_world 1000
run_deps build
check "without root the exit code is 4" [ "$exit_code $installs" = "4 0" ]
check "and the command is said" grep -qE \
    '^apt-get update && apt-get install -y .* libyaml-dev bats *$' "$scratch/out"

new_world 1000
stand_in sudo '[ "$1" = -n ] && shift; exec "$@"'
run_deps build
check "a sudo that does not ask is used" [ "$exit_code $installs" = "0 1" ]

new_world 0
stand_in apt-get "echo \"apt-get \$*\" >>$scratch/log
    [ \$1 = update ] || [ \$(grep -c ' install ' $scratch/log) = 2 ]"
run_deps build
check "after a failure lists are renewed and it tries again" \
    [ "$exit_code $installs" = "0 2" ]
check "in that order" [ "$(tail -n 2 "$scratch/log" | cut -d' ' -f2 | xargs)" = \
    "update install" ]

new_world 0
stand_in apt-get "echo \"apt-get \$*\" >>$scratch/log; exit 100"
run_deps build
check "an apt that always fails gives 4" [ "$exit_code" = 4 ]
