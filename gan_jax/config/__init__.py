"""From a config to objects: keys and defaults, presets, composition."""
