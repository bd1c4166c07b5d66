"""Pax8 → DocTypes: fetch, compare, write what changed, record the run."""
