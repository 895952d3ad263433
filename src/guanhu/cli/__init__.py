"""The command line: thin. Arguments in, progress to stderr, results to stdout, exit codes 0, 1, 2."""
