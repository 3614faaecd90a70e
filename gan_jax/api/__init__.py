"""The Python API: functions that users and commands call."""
