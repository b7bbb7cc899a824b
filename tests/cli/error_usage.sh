# A command that does not exist.
$WEIR modle --json
