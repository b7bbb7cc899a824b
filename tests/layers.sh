#!/bin/bash
# The order of the folders (design: layers), as TAP:
#   base < formats < { einsum, arch, kernels, cpu } < mapping < model < sim < mappers
#        < reports < explore < cli
# A file may include, in quotes, any header of its own folder and the public
# header FOLDER/FOLDER.h of a folder further left. Folders in braces do not see
# each other. C++ stands in sim/systemc only, and so does SystemC.
set -u
cd "$(dirname "$0")/.."

# Level of a folder; siblings share one.
level_of()
{
    case $1 in
    base) echo 0 ;;
    formats) echo 1 ;;
    einsum | arch | kernels | cpu) echo 2 ;;
    mapping) echo 3 ;;
    model) echo 4 ;;
    sim) echo 5 ;;
    mappers) echo 6 ;;
    reports) echo 7 ;;
    explore) echo 8 ;;
    cli) echo 9 ;;
    esac
}
folders="base formats einsum arch kernels cpu mapping model sim mappers reports explore cli"

check_include() # folder file included
{
    local folder=$1 file=$2 included=$3 other=${3%%/*} level
    [ "$included" = version.h ] && return # written by the Makefile
    [ "$other" = "$folder" ] && [ "$other" != "$included" ] && return
    level=$(level_of "$other")
    if [ "$other" = "$included" ] || [ -z "$level" ]; then
        echo "$file: '$included' does not start at the root"
    elif [ "$level" -ge "$(level_of "$folder")" ]; then
        echo "$file: '$included' is not to the left of $folder"
    elif [ "$included" != "$other/$other.h" ]; then
        echo "$file: '$included' is private to $other"
    fi
}

# Prints one line a violation in FOLDER of the tree at ROOT.
check_folder() # root folder
{
    local root=$1 folder=$2 file included
    [ -d "$root/$folder" ] || return
    (
        cd "$root" || exit
        find "$folder" -mindepth 3 -name '*.[ch]' \
            -exec echo "{}: deeper than two folders" \;
        find "$folder" \( -name '*.cpp' -o -name '*.hpp' -o -name '*.cc' \) \
            ! -path 'sim/systemc/*' -exec echo "{}: C++ outside sim/systemc" \;
        find "$folder" -name '*.[ch]*' ! -path 'sim/systemc/*' -exec \
            grep -l '^ *# *include *<systemc' {} + |
            sed 's/$/: SystemC outside sim\/systemc/'
        grep -rHoE --include='*.[ch]' --include='*.[ch]pp' --include='*.def' \
            '^ *# *include *"[^"]*"' "$folder" |
            sed 's/: *# *include *"/ /; s/"$//' |
            while read -r file included; do
                check_include "$folder" "$file" "$included"
            done
    )
}

point=0
report() # violations name
{
    point=$((point + 1))
    if [ -z "$1" ]; then
        echo "ok $point - $2"
    else
        echo "not ok $point - $2"
        echo "${1//$'\n'/$'\n'# }" | sed '1s/^/# /'
    fi
}

# Plants one file with one include and expects COUNT violations.
plant() # count folder/file text name
{
    local count=$1 path=$2 found
    scratch=$(mktemp -d)
    mkdir -p "$scratch/$(dirname "$path")"
    printf '%s\n' "$3" >"$scratch/$path"
    found=$(check_folder "$scratch" "${path%%/*}" | wc -l)
    rm -rf "$scratch"
    if [ "$found" = "$count" ]; then
        report "" "$4"
    else
        report "$found violations found, $count planted" "$4"
    fi
}

echo "1..21"
for folder in $folders; do
    report "$(check_folder . "$folder")" "includes of $folder point left"
done
plant 0 arch/tree.c '#include "arch/nodes.h"' "own private header is allowed"
plant 0 sim/tile.c '#include "sim/systemc/kernel.h"' \
    "own second-level header is allowed"
plant 0 mapping/walk.c '#include "einsum/einsum.h"' \
    "public header to the left is allowed"
plant 1 einsum/lex.c '#include "arch/arch.h"' "sibling is found"
plant 1 base/num.c '#include "cli/cli.h"' "header to the right is found"
plant 1 model/count.c '  #  include "einsum/parse.h"' \
    "another folder's private header is found"
plant 1 model/count.c '#include "count.h"' "unrooted include is found"
plant 1 sim/event.cpp '' "C++ outside sim/systemc is found"
plant 1 sim/event.c '#include <systemc.h>' \
    "SystemC outside sim/systemc is found"
plant 1 mapping/a/b/c.c '' "a third level of folders is found"
