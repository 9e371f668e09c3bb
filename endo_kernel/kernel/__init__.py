"""Endo in Jupyter: the kernel, its settings, and what a notebook sees of the daemon."""
