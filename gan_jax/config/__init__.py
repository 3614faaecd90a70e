"""The configuration: keys and defaults, presets, and the construction of objects from a config."""
