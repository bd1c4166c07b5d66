"""One measurement in a process of its own."""

import os
from typing import Any

from benchmarks import changes, measure, site, usage

# Measurements register themselves when their module is imported.
MODULES = (changes, measure, usage)


def run(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
	"""Takes a measurement on the test site and returns what it gave. What Frappe prints meanwhile goes to stderr."""
	os.dup2(2, 1)
	site.open_site()
	try:
		return measure.MEASUREMENTS[name](**arguments)
	finally:
		site.frappe.destroy()
