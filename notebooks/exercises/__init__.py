"""Checks of the exercises, a module a notebook. They print what they think and never raise."""
