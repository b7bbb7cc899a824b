# A rank that is no rank of the tensor: file, line, column, caret, suggestion.
$WEIR verify tests/data/cli/misspelt-rank.yaml
