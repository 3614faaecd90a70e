"""Feature networks, in `features`."""
