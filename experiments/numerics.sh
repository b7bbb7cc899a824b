#!/bin/sh
# Errors of softmax attention in one, two and three passes, in bfloat16 with fp32
# accumulation, over sequence length and logit scale: inputs, scores, probabilities
# and results are stored in bf16, sums, maxima and corrections in fp32. With E = 64
# and normal inputs, logits have the standard deviation 8 times the scale of Q.
# Usage: experiments/numerics.sh [DIR [LENGTHS]]; WEIR is the command.
set -eu
weir=${WEIR:-build/weir}
out=${1:-out/numerics}
lengths=${2:-256 1024 4096 16384}
db=$out/numerics.db
mkdir -p "$out"
rm -f "$db"
one=bf16,RM=fp32,RD=fp32,RNV=fp32,SLD=fp32,SLNV=fp32,SPD=fp32,SPNV=fp32,PRM=fp32,LM=fp32
two=bf16,LM=fp32,GM=fp32,PRM=fp32,SLD=fp32,CD=fp32,GD=fp32
three=bf16,GM=fp32,SD=fp32
for scale in 0.125 0.5 2; do
    for m in $lengths; do
        for form in one-pass:$one two-pass:$two three-pass:$three; do
            name=${form%%:*}
            block=,M0=64
            [ "$name" != three-pass ] || block=
            "$weir" verify "workloads/attention/$name.yaml" -q \
                --dtype "${form#*:}" --inputs "Q=normal,scale=$scale" \
                --set "P=64,M=$m,E=64,F=64$block" --db "$db" >/dev/null
        done
    done
done
"$weir" plot --errors --db "$db" -o "$out" --format pdf,png,svg
