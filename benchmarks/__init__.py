"""Scale and speed of the sync, measured against the stand-in Pax8 on a site of its own. `make bench`; docs/operations/benchmarks.md.

What counts are ratios of things measured in one run: seconds differ from machine to machine. Nothing here is a test.
"""
