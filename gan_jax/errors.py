"""The ways in which a command ends badly that a person can do something about."""


class ConfigError(Exception):
  """Something that a person asked for cannot be done: one line, naming the key and the remedy."""


class DivergedError(Exception):
  """A loss or a gradient became NaN or infinite: one line, naming the step and the player."""


class WriteError(Exception):
  """The disk is full or takes no more writing: one line, naming the folder and what can be done."""
