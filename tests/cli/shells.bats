bats_require_minimum_version 1.5.0
# Completion and man pages, which are made from the tables of options.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    W=$PWD/${WEIR:-build/weir}
    T=$BATS_TEST_TMPDIR
    commands=$($W -h | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
}

# Completes the last of the words.
complete_words() {
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    _weir "$1" "${@: -1}" "${@: -2:1}"
    echo "${COMPREPLY[*]}"
}

@test "bash: commands, options, values and files" {
    $W completion bash > "$T/weir"
    bash -n "$T/weir"
    . "$T/weir"
    [ "$(complete_words weir s)" = "sim sweep" ]
    [ "$(complete_words weir sim --trace-l)" = "--trace-level" ]
    [ "$(complete_words weir sim --casc)" = "--cascade" ]
    [ "$(complete_words weir runs e)" = "export" ]
    [ "$(complete_words weir manual le)" = "" ]
    [ "$(complete_words weir manual l)" = "lint" ]
    [ "$(complete_words weir sim --arch arch-configs/teach)" = \
        arch-configs/teaching.yaml ]
    [ "$(complete_words weir plot -o te)" = tests ]
    [ "$(complete_words weir sim --set Make)" = "" ]
    [ "$(complete_words weir lint Makef)" = Makefile ]
}

@test "zsh: every option of every command" {
    $W completion zsh > "$T/_weir"
    [ "$(head -n 1 "$T/_weir")" = "#compdef weir" ]
    for command in $commands; do
        grep -q "^    $command)\$" "$T/_weir"
    done
    for option in $($W sim -h | grep -o -- '--[a-z-]*' | sort -u); do
        grep -q -- "'\*\?$option\[" "$T/_weir"
    done
    # Both shells quote alike.
    bash -n "$T/_weir"
}

@test "manual: a page for each command has all that its help has" {
    for command in "" $commands; do
        $W manual $command > "$T/page"
        head -n 1 "$T/page" | grep -q '^\.TH WEIR.* 1 '
        for section in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" "SEE ALSO"; do
            grep -qx "\.SH $section" "$T/page"
        done
        for option in $($W $command -h | grep -o '^  *\(-.,\)\? *--[a-z-]*' |
            grep -o -- '--.*'); do
            [ -z "$command" ] || sed 's/\\-/-/g' "$T/page" |
                grep -q -- "^\\\\fB.*$option\\\\fR"
        done
        if command -v groff > /dev/null; then
            groff -man -Tascii -ww "$T/page" 2> "$T/warnings" > "$T/text"
            [ ! -s "$T/warnings" ]
        fi
    done
    run $W manual modle
    [ $status = 2 ]
    [[ $output == *"did you mean 'model'?"* ]]
    run $W completion fish
    [ $status = 2 ]
}

@test "install puts them where they are looked for" {
    cli/install.sh "$W" "$T/share"
    [ "$(ls "$T/share/man/man1" | wc -l)" = $(($(wc -w <<< "$commands") + 1)) ]
    cmp <($W manual sim) "$T/share/man/man1/weir-sim.1"
    cmp <($W completion bash) "$T/share/bash-completion/completions/weir"
    cmp <($W completion zsh) "$T/share/zsh/site-functions/_weir"
}
