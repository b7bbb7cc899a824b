#!/bin/bash
# Man pages and completion, which the command prints itself, to where man and the
# shells look. Usage: cli/install.sh WEIR SHARE_FOLDER
set -eu
weir=$1
share=$2
install -d "$share/man/man1" "$share/bash-completion/completions" \
    "$share/zsh/site-functions"
"$weir" manual >"$share/man/man1/weir.1"
for command in $("$weir" -h | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    "$weir" manual "$command" >"$share/man/man1/weir-$command.1"
done
"$weir" completion bash >"$share/bash-completion/completions/weir"
"$weir" completion zsh >"$share/zsh/site-functions/_weir"
