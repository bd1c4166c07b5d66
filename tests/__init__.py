"""Tests, and the commands that measure (`python -m tests.usage_class_figures`)."""
