"""Decisions that can be stated without a database: the approval policy, usage classes, and their words.

Imports nothing but the standard library, so that the same rules decide in a site, in a preview and in a test.
"""
