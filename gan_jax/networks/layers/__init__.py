"""Layers; the only networks code that knows platforms."""
