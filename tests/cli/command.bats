bats_require_minimum_version 1.5.0
# The command as a whole: exit codes, help, streams.

W=${WEIR:-build/weir}
ONE="--cascade workloads/attention/one-pass.yaml --arch arch-configs/teaching.yaml --mapping mappings/fusemax-binding.yaml"

setup() { cd "$BATS_TEST_DIRNAME/../.."; }

@test "no arguments: usage on stderr, exit 2" {
    run --separate-stderr $W
    [ $status = 2 ]
    [ -z "$output" ]
    [[ $stderr == usage:* ]]
}

@test "help is on stdout with exit 0, short and full" {
    for command in "" lint passes verify model sim sweep plot runs completion manual; do
        for option in -h --help; do
            run --separate-stderr $W $command $option
            [ $status = 0 ]
            [[ $output == "usage: weir "* ]]
            [ -z "$stderr" ]
        done
        [[ $output == *"Exit codes:"*"130  interrupted"* ]]
    done
}

@test "every option of a command is in its help, every command in the help" {
    run $W sweep -h
    for option in --jobs --fidelity --set --resume --db --json --quiet \
        --verbose --color; do
        [[ $output == *"$option"* ]]
    done
    [[ $output != *"Examples:"* ]]
    run $W -h
    for command in lint verify model sim sweep plot runs; do
        [[ $output == *"  $command "* ]]
    done
}

@test "version has a version and a git id" {
    run $W --version
    [ $status = 0 ]
    [[ $output =~ ^weir\ [0-9]+\.[0-9]+\.[0-9]+\ \(.+\)$ ]]
}

@test "unknown command: exit 2 and a suggestion" {
    run --separate-stderr $W modle
    [ $status = 2 ]
    [[ $stderr == *"unknown command 'modle'"*"did you mean 'model'?"* ]]
}

@test "unknown option: exit 2 and a suggestion" {
    run --separate-stderr $W model --jsno
    [ $status = 2 ]
    [[ $stderr == *"unknown option '--jsno'"*"did you mean '--json'?"* ]]
    run $W model -Z
    [ $status = 2 ]
    run $W -Z
    [ $status = 2 ]
}

@test "an option without its value, or with one too many: exit 2" {
    run $W model --cascade
    [ $status = 2 ]
    run $W model --json=yes
    [ $status = 2 ]
    run $W sweep --jobs many x.yaml
    [ $status = 2 ]
    run $W model --color=sometimes
    [ $status = 2 ]
}

@test "missing and superfluous arguments: exit 2" {
    run $W lint
    [ $status = 2 ]
    run $W model
    [ $status = 2 ]
    [[ $output == *"'--cascade' is missing"* ]]
    run $W model $ONE more
    [ $status = 2 ]
    run $W verify workloads/gemm.yaml --arch arch-configs/teaching.yaml
    [ $status = 2 ]
}

@test "options may stand anywhere, joined or apart" {
    run $W verify workloads/gemm.yaml -js M=8 --set=N=8,K=8
    [ $status = 0 ]
    [[ $output == *'"points": 64'* ]]
    run $W lint -- workloads/gemm.yaml
    [ $status = 0 ]
}

@test "a full disk under stdout: exit 4" {
    run bash -c "$W model $ONE > /dev/full"
    [ $status = 4 ]
    [[ $output == *"cannot write to standard output"* ]]
    run bash -c "$W --help > /dev/full"
    [ $status = 4 ]
}

@test "a closed pipe under stdout: exit 4" {
    run bash -c "set -o pipefail
        { sleep 0.2; $W model $ONE --json; echo \$? >&2; } | true"
    [[ $output == *4* ]]
    [[ $output == *"Broken pipe"* ]]
}

@test "model and sim print tables, or one JSON object with the keys promised" {
    for fidelity in model sim; do
        run --separate-stderr $W $fidelity $ONE
        [ $status = 0 ]
        [[ $output == *bottleneck*array* ]]
        run --separate-stderr $W $fidelity $ONE --json
        [ $status = 0 ]
        [ -z "$stderr" ]
        perl -MJSON::PP -e '
            my $o = decode_json($ARGV[0]);
            for (qw(fidelity cycles seconds energy_pj traffic_bytes utilization
                    einsums stalls bound mapping arch shapes)) {
                exists $o->{$_} or die "no $_";
            }
            $o->{fidelity} eq $ARGV[1] or die;
            $o->{traffic_bytes}{DRAM}{read} > 0 or die;
            $o->{einsums}{QK}{ops}{mac} > 0 or die;
            $o->{einsums}{QK}{unit} eq "array2d" or die;
            exists $o->{stalls}{array2d}{dependency} or die;
            exists $o->{stalls}{array2d}{fill} or die;
            $o->{bound}{cycles} <= $o->{cycles} or die;
            $o->{bound}{traffic_bytes} > 0 or die;
            $o->{shapes}{M1} == 16 or die;
        ' "$output" $fidelity
    done
}

@test "the same run prints the same bytes" {
    export SOURCE_DATE_EPOCH=1
    $W sim $ONE --json > "$BATS_TEST_TMPDIR/a"
    $W sim $ONE --json > "$BATS_TEST_TMPDIR/b"
    cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test "no fast-forward gives the same result" {
    export SOURCE_DATE_EPOCH=1
    $W sim $ONE --json > "$BATS_TEST_TMPDIR/a"
    $W sim $ONE --json --no-fast-forward > "$BATS_TEST_TMPDIR/b"
    cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test "--set takes lists, suffixes, earlier names and functions" {
    run --separate-stderr $W model $ONE --json \
        --set 'P=min(1K,2*64),M=P' --set F=E,E=8
    [ $status = 3 ] # E is not bound yet
    run --separate-stderr $W model $ONE --json \
        --set 'P=min(1K,2*64),M=P' --set E=8,F=E
    [ $status = 0 ]
    [[ $output == *'"P": 128'*'"M": 128'* ]]
}

@test "--set: an unknown name is a wrong input, with a suggestion" {
    run --separate-stderr $W model $ONE --set GBUFF=8K
    [ $status = 3 ]
    [[ $stderr == *"'GBUFF' [set-unknown-name]"*"did you mean 'GBUF'?"* ]]
}

@test "--set: bad syntax has a caret" {
    run --separate-stderr $W model $ONE --set 'P=64,M=6*'
    [ $status = 3 ]
    [[ $stderr == "--set:1:"*error* ]]
    run --separate-stderr $W model $ONE --set P
    [ $status = 3 ]
    [[ $stderr == *"'P' is not of the form NAME=VALUE"* ]]
}

@test "standard input where a file is read twice: exit 2" {
    run $W lint - < workloads/gemm.yaml
    [ $status = 2 ]
    [[ $output == *"'-' will not do"* ]]
}

@test "a missing file: exit 4" {
    run $W model --cascade no.yaml --arch a.yaml --mapping m.yaml
    [ $status = 4 ]
    [[ $output == *no.yaml* ]]
}

@test "messages are coloured when asked to, and not by themselves" {
    run $W model --cascade no.yaml --arch a --mapping m --color=always
    [[ $output == *$'\033['* ]]
    run $W model --cascade no.yaml --arch a --mapping m
    [[ $output != *$'\033['* ]]
    NO_COLOR=1 run $W model --cascade no.yaml --arch a --mapping m
    [[ $output != *$'\033['* ]]
}

@test "counts beyond 64 bits: a message about the shapes" {
    run $W model $ONE --set B=1G,H=1G,P=1G,M=1G
    [ $status = 3 ]
    [[ $output == *"[einsum-overflow]"* ]]
}

@test "verify: exit 0 when it agrees" {
    run --separate-stderr $W verify workloads/attention/one-pass.yaml --json \
        --arch arch-configs/teaching.yaml --seed 5 \
        --mapping mappings/fusemax-binding.yaml --set P=16,M=32
    [ $status = 0 ]
    perl -MJSON::PP -e '
        my $o = decode_json($ARGV[0]);
        $o->{status} eq "ok" && $o->{dtype} eq "fp64" or die;
        $o->{points} == 16 * 8 && $o->{seed} == 5 or die;
        for ($o, $o->{mapped}) {
            $_->{max_abs_error} <= $_->{bound} && $_->{bound} < 1e-10 or die;
            defined $_->{max_rel_error} or die;
        }
        $o->{mapped}{status} eq "ok" or die;
    ' "$output"
}

@test "verify: exit 1 when it does not" {
    sed 's/A\[b,h,m,p\] \* V/SN[b,h,m,p] * V/' \
        workloads/attention/three-pass.yaml > "$BATS_TEST_TMPDIR/wrong.yaml"
    run --separate-stderr $W verify "$BATS_TEST_TMPDIR/wrong.yaml"
    [ $status = 1 ]
    [[ $output == *FAILED* ]]
}

@test "verify: in bfloat16 with fp32 accumulators" {
    run --separate-stderr $W verify workloads/attention/three-pass.yaml --json \
        --dtype bf16,SD=fp32 --set P=16,M=32
    [ $status = 0 ]
    perl -MJSON::PP -e '
        my $o = decode_json($ARGV[0]);
        $o->{status} eq "ok" && $o->{dtype} eq "bf16,SD=fp32" or die;
        $o->{max_abs_error} > 1e-5 or die;
        $o->{max_abs_error} <= $o->{bound} && $o->{bound} < 1 or die;
    ' "$output"
}

@test "verify: inputs by kind, from a file and into one" {
    T=$BATS_TEST_TMPDIR
    C=workloads/attention/one-pass.yaml
    for kind in normal uniform outliers sinks constant ties overflow masked; do
        run $W verify $C --set P=8,M=32 --inputs $kind
        [ $status = 0 ]
    done
    run $W verify $C --set P=8,M=32 --inputs uniform,scale=3,K=sinks -qj \
        -o Q=$T/q.npy -o AV=$T/av.npy
    [ $status = 0 ]
    [[ $output == *'"inputs": "uniform*3,K=sinks"'* ]]
    run --separate-stderr $W verify $C --set P=8,M=32 --inputs K=sinks,V=uniform,scale=3 \
        --input Q=$T/q.npy -o AV=$T/again.npy
    [ $status = 0 ]
    cmp $T/av.npy $T/again.npy
    run $W verify $C --set P=8,M=32 --input K=$T/q.npy
    [ $status = 3 ]
    [[ $output == *"an array of 1 x 1 x 8 x 8 for 'K', which is 1 x 1 x 32 x 8"* ]]
    run $W verify $C --inputs Q=tie
    [ $status = 3 ]
    [[ $output == *"did you mean 'ties'?"* ]]
    run $W verify $C --inputs scale=2
    [ $status = 2 ]
    run $W verify $C --input Q=$T/missing.npy
    [ $status = 4 ]
}

@test "verify: a mapped schedule in bfloat16, every tensor with its errors" {
    run --separate-stderr $W verify workloads/attention/one-pass.yaml --json \
        --arch arch-configs/teaching.yaml --dtype bf16,RD=fp32,RNV=fp32 \
        --op exp=taylor6 \
        --mapping mappings/fusemax-binding.yaml --set P=16,M=32
    [ $status = 0 ]
    perl -MJSON::PP -e '
        my $o = decode_json($ARGV[0]);
        for ($o, $o->{mapped}) {
            $_->{max_abs_error} > 1e-4 && $_->{bound} < 1 or die;
            $_->{max_abs_error} <= $_->{bound} or die;
            @{$_->{worst}{at}} == 4 && $_->{max_ulp_error} > 0 or die;
        }
        $o->{tensors}{Q}{max_ulp_error} <= 0.5 or die;
        !defined $o->{tensors}{RM}{bound} or die;
        $o->{tensors}{QK}{max_abs_error} <= $o->{tensors}{QK}{bound} or die;
        my $n = 0;
        $n += $_ for @{$o->{ulp_histogram}{counts}};
        $n == $o->{points} or die;
    ' "$output"
}

@test "verify: formats, tensors and operations that do not exist" {
    run $W verify workloads/gemm.yaml --dtype bf17
    [ $status = 3 ]
    [[ $output == *"did you mean 'bf16'?"* ]]
    run $W verify workloads/gemm.yaml --dtype bf16,QQ=fp32
    [ $status = 3 ]
    [[ $output == *"--dtype:1:6: error: unknown tensor 'QQ'"* ]]
    run $W verify workloads/gemm.yaml --op maq=fp32
    [ $status = 3 ]
    [[ $output == *"did you mean 'mac'?"* ]]
    run $W verify workloads/gemm.yaml --rounding upp
    [ $status = 2 ]
}

@test "verify and plot: errors in the store and in figures" {
    T=$BATS_TEST_TMPDIR
    for m in 32 64; do
        run $W verify workloads/attention/one-pass.yaml -q --db $T/n.db \
            --dtype bf16 --inputs Q=normal,scale=0.5 --set P=8,M=$m
        [ $status = 0 ]
    done
    run $W verify workloads/attention/one-pass.yaml -q --db $T/n.db \
        --arch arch-configs/teaching.yaml \
        --mapping mappings/fusemax-binding.yaml --set P=16,M=32
    [ $status = 0 ]
    run sqlite3 $T/n.db "SELECT count(*), count(DISTINCT inputs), \
        sum(mean_abs_error <= max_abs_error), sum(max_abs_error <= error_bound), \
        sum(details LIKE '%ulp_histogram%') FROM checks"
    [ "$output" = "4|2|4|4|4" ]
    run $W plot --errors --db $T/n.db -o $T/figures --format svg
    [ $status = 0 ]
    grep -q attention-1pass $T/figures/errors.svg
    grep -q 'Q=normal\*0.5' $T/figures/errors.svg
    grep -q 'share of elements' $T/figures/error-histogram.svg
    run $W plot --errors
    [ $status = 2 ]
    M="--cascade workloads/attention/one-pass.yaml --arch arch-configs/teaching.yaml"
    run $W model $M --mapping mappings/fusemax-binding.yaml --set P=16,M=32 --db $T/n.db
    [[ $output == *"'fusemax-binding' was verified at {"*'"M":32'*"in fp64"* ]]
    run $W model $M --mapping mappings/fusemax-architecture.yaml --set P=16,M=32 --db $T/n.db
    [[ $output == *"'fusemax-architecture' has not been verified on"* ]]
    [ "$(sqlite3 $T/n.db 'SELECT mapping || status FROM checked_runs')" = fusemax-bindingok ]
}

@test "lint: every kind of file in the tree is right" {
    run $W lint workloads/*.yaml workloads/*/*.yaml arch-configs/*.yaml \
        mappings/*.yaml experiments/*.yaml
    [ $status = 0 ]
}

@test "lint: reports the mistakes of all files" {
    run $W lint tests/golden/errors/einsum-bad-name.yaml \
        tests/golden/errors/explore-unknown-axis.yaml
    [ $status = 3 ]
    [[ $output == *"[einsum-bad-name]"*"[explore-unknown-axis]"* ]]
}

@test "lint: a mapping is bound when there is what to bind it to" {
    run $W lint mappings/fusemax-binding.yaml \
        --cascade workloads/attention/one-pass.yaml \
        --arch arch-configs/teaching.yaml --set GBUF=64
    [ $status = 3 ]
    [[ $output == *"[mapping-capacity]"* ]]
    run $W lint mappings/fusemax-binding.yaml \
        --cascade workloads/attention/one-pass.yaml
    [ $status = 2 ]
}

@test "lint: a file of no kind" {
    echo 'schema: 1' > "$BATS_TEST_TMPDIR/x.yaml"
    run $W lint "$BATS_TEST_TMPDIR/x.yaml"
    [ $status = 3 ]
    [[ $output == *"[lint-unknown-kind]"* ]]
}

@test "a misspelt kernel is pointed at, by lint and by verify" {
    sed 's/^kernel: .*/kernel: softmax-attentoin/' \
        workloads/attention/three-pass.yaml >"$BATS_TEST_TMPDIR/k.yaml"
    for command in lint verify; do
        run $W $command "$BATS_TEST_TMPDIR/k.yaml"
        [ $status = 3 ]
        [[ $output == *"k.yaml:"*":9: error: there is no reference kernel"* ]]
        [[ $output == *"did you mean 'softmax-attention'?"* ]]
    done
}
