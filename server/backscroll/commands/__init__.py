"""The subcommands of `backscroll`, each in its own package, and the modules that they share."""
