"""The commands, one file a verb: flags, and one call."""
