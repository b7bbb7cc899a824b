#!/bin/bash
# Every cascade of workloads/attention against its reference kernel, which was
# written from the formula and not from the cascade: the interpreter's numbers
# and the kernel's agree within their rounding bounds, at the file's own shapes
# and at others, odd ones and ones among them.
set -u
cd "$(dirname "$0")/.." || exit
weir=${WEIR:-build/weir}
number=0
failed=0

# The command on FILE OPTION...; with several seeds if WEIR_ZOO_SEEDS says so.
agrees()
{
    local seed
    for ((seed = number; seed < number + ${WEIR_ZOO_SEEDS:-1}; seed++)); do
        "$weir" verify "$@" --seed $seed >/dev/null 2>"$errors" && continue
        echo "seed $seed" >>"$errors"
        return 1
    done
}

verify() # CASCADE SETTINGS
{
    local options=() setting
    for setting in $2; do options+=(--set "$setting"); done
    number=$((number + 1))
    if agrees "workloads/attention/$1.yaml" "${options[@]}"; then
        echo "ok $number - $1 $2"
    else
        failed=1
        sed 's/^/# /' "$errors"
        echo "not ok $number - $1 $2"
    fi
}

work=$(mktemp -d)
errors=$work/errors
trap 'rm -rf "$work"' EXIT
covered=" one-pass two-pass three-pass three-pass-deferred " # kernels_cascades
while read -r cascades settings; do
    for cascade in ${cascades//,/ }; do
        covered+="$cascade "
        verify "$cascade" ""
        IFS=';' read -ra sets <<<"$settings"
        for set in "${sets[@]}"; do verify "$cascade" "$set"; done
    done
done <<'END'
causal,sliding-window,sliding-window-banded,symmetric-window P=13 E=3 F=5;P=1 E=1 F=1;B=2 H=3 P=37 E=7 F=2
causal P=9 M=14;P=14 M=9
causal-one-pass P=13 M=26 M0=13 E=3 F=5;P=1 M=1 M0=1 E=1 F=1;B=2 H=3 P=37 M=36 M0=4 E=7 F=2
sliding-window,sliding-window-banded P=17 W=1;P=17 W=30;P=21 M=6 W=3;P=6 M=21 W=3
symmetric-window P=11 W=1;P=8 M=3 W=2;P=5 M=19 W=4
multi-query,mla,mla-absorbed P=13 M=7 E=3 F=5;P=1 M=1 E=1 F=1;B=2 H=3 P=5 M=11
grouped-query H=9 G=3 P=5 M=7;H=4 G=4 P=3;H=5 G=1 M=1
sigmoid,sigmoid-causal P=13 M=7 E=3 F=5;P=1 M=1 E=1;P=6 M=31 H=3
linear,linear-quadratic,flowformer,linformer P=13 M=7 E=3 F=5;P=1 M=1;P=6 M=31 H=3
linear-causal,lightning,aaren,performer-causal,cosformer-causal,flowformer-causal T=13 E=3 F=5;T=1 E=1 F=1;T=31 H=3 B=2
lightning-quadratic,aaren-quadratic,cosformer P=13 E=5 F=3;P=1 F=1;P=29 B=2 H=3
cosformer P=9 M=14;P=14 M=9
kmax,performer P=13 M=7 F=3;P=1 M=5;P=5 M=1 H=3
dinat S=11 D=1;S=17 D=3;S=15 D=3;S=9 W=3 U=3 D=2
dinat-2d Y=3 X=5 D=1;Y=10 X=7 D=2;Y=11 X=9 D=3
bigbird P=21 M=35 L=7 R=5 E=3 F=5;P=2 L=2;P=9 L=3 H=3 B=2;P=11 L=11 R=1 F=1;P=64 L=16 H=1
biformer R=5 T=3;R=3 W=1 T=1;R=7 W=3 T=7
swin Y=9 X=3 S=2;Y=4 X=6 W=2;Y=10 X=5 W=5 S=2
agent Y=7 X=5 A=3;Y=4 X=4 A=4;Y=1 X=9 A=1
nprf-rpe,nprf-rpe-causal,nprf-rpe-fft P=9 E=3;P=1;P=17 R=3 H=3
landmark P=9 L=3;P=6 L=2;P=25 L=5;P=11 L=4;P=1 L=3;P=17 L=5 H=3 B=2
lightning-tiled T=21 T0=7 E=3 F=5;T=11 T0=11 H=3;T=13 T0=1 F=1;T=1 T0=1
mamba-chunked S=21 S0=7 N=3;S=13 S0=13;S=13 S0=1 I=1 N=1 B=2
reformer,reformer-causal N=21 G=3 K=3;N=5 G=5 R=1;N=14 G=7 R=3 E=3 F=1 H=3;N=1 G=1 K=1;N=15 G=1 K=1
routing-transformer,routing-transformer-causal P=13 W=13;P=17 W=3 C=7 E=3 F=5;P=1 W=1 C=1;P=9 W=1 H=3 B=2
clear T=1 Y=4 X=7 R=2;T=5 Y=1 X=3 R=6 H=1;T=2 Y=6 X=5 R=4 E=3 F=1 H=3 B=2;T=1 Y=1 X=1 R=1
graph-transformer N=1 G=3;N=17 G=11 E=3;N=5 G=40 H=3 B=2 F=1;G=1
moh C=1 R=5 T=3 P=7 M=3 E=3 F=5;C=3 R=1 T=1 P=1 M=1;C=2 R=3 T=3 B=2 D=1
combiner N=21 R=3 E=3 F=5;N=7 R=7 H=3;N=6 R=1 B=2 F=1;N=1 R=1
spectformer,spectformer-fft X=1 Y=1;X=7 Y=5 B=2;X=2 Y=9 C=1
deformable P=1 L=1 T=1 Y=1 X=1;B=2 H=3 P=7 L=2 T=3 Y=9 X=4 F=1;P=20 T=1
recurrent-transformer T=1;T=13 H=3 D=4 E=5 F=2 B=2;T=17 H=1 D=1
nystromformer P=20 L=5;P=7 L=1;P=6 L=6 K=1;P=21 L=3 E=3 F=1 K=4 H=3 B=2
mamba S=13 N=3;S=1 N=1 I=1;S=21 B=2
END
# What random inputs of size 1 hardly meet: a least denominator, repeated blocks.
variant() # CASCADE NAME SED_SCRIPT
{
    local file=$work/$1.yaml
    sed "$3" "workloads/attention/$1.yaml" >"$file"
    number=$((number + 1))
    if ! cmp -s "$file" "workloads/attention/$1.yaml" && agrees "$file"; then
        echo "ok $number - $1, $2"
    else
        failed=1
        sed 's/^/# /' "$errors"
        echo "not ok $number - $1, $2"
    fi
}
small='s/\([QK]: "\[b,h,[pmt],e\]\)/\1 in (-0.002,0.0001)/g'
variant cosformer "tiny products" "$small"
variant cosformer-causal "tiny products" "$small"
variant bigbird "one random block" 's/in 0..L-1/in 0..0/'
for file in workloads/attention/*.yaml; do
    name=$(basename "$file" .yaml)
    number=$((number + 1))
    case $covered in
    *" $name "*) echo "ok $number - $name is verified" ;;
    *)
        failed=1
        echo "not ok $number - $name is verified"
        ;;
    esac
done
echo "1..$number"
exit $failed
