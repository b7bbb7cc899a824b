#!/bin/bash
# Every attention cascade in other formats than double, with and without
# approximations, as TAP: it runs, and no element exceeds its bound. In formats this
# narrow a bound may be infinite, where a divisor may be 0 or an index depends on a
# rounding; that is no mistake. WEIR_FORMATS=all takes more formats.
set -u
cd "$(dirname "$0")/.."
weir=${WEIR:-build/weir}
formats=("bf16 --op exp=taylor6,divide=newton2" "fp32 --op exp=polynomial6")
if [ "${WEIR_FORMATS:-}" = all ]; then
    formats+=(fp32 tf32 fp16 bf16:stored:bf16 int8@channel fp8-e4m3@tensor
        "fp32:tf32:fp32 --rounding toward-zero" "fp4-e2m1@mx"
        "bf16 --op exp=piecewise16,divide=reciprocal-table256")
fi

# Exit 0 unless the output is of a check that failed although it has a bound.
judge()
{
    perl -MJSON::PP -e '
        my $o = decode_json(join "", <STDIN>);
        exit($o->{status} eq "ok" || !defined $o->{bound} ? 0 : 1);'
}

count=0
for cascade in workloads/attention/*.yaml; do
    problem=
    for format in "${formats[@]}"; do
        # shellcheck disable=SC2086
        output=$("$weir" verify "$cascade" --json --dtype $format 2>&1)
        status=$?
        if [ $status -gt 1 ] || ! judge <<<"$output"; then
            problem="$format: exit code $status: $output"
        fi
    done
    count=$((count + 1))
    if [ -z "$problem" ]; then
        echo "ok $count - $cascade"
    else
        echo "not ok $count - $cascade"
        echo "$problem" | head -5 | sed 's/^/# /'
    fi
done
echo "1..$count"
