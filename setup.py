"""For tools that look for a setup.py. What the package is called, needs and contains stands in pyproject.toml."""

from setuptools import setup

setup(include_package_data=True)
