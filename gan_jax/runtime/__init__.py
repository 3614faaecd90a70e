"""Devices, processes, and the machine; no other package handles them."""
