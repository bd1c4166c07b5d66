"""One measurement in a process of its own: `python -m benchmarks.child <name> <arguments as JSON>`.

Prints what was measured as JSON, in a line that begins with `RESULT`.
"""

import json
import sys

from benchmarks import changes, measure, site, usage

RESULT = "RESULT "

# Measurements register themselves when their module is imported.
MODULES = (changes, measure, usage)


def main(name: str, arguments: str) -> None:
	site.open_site()
	try:
		result = measure.MEASUREMENTS[name](**json.loads(arguments))
	finally:
		site.frappe.destroy()
	print(RESULT + json.dumps(result, default=str), flush=True)


if __name__ == "__main__":
	main(*sys.argv[1:])
