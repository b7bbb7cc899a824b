# A file that ends in the middle.
$WEIR lint tests/data/cli/truncated.yaml
