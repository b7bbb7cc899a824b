# A bare number where a unit belongs.
$WEIR lint tests/data/cli/missing-unit.yaml
