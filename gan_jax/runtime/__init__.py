"""Devices, processes and the machine; no other package knows them."""
