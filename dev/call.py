"""Run inside the venv, in a sites folder: calls one function of the app on a site and writes what it returns.

Arguments: site, dotted path, keyword arguments as JSON, file for the returned value as JSON.
"""

import json
import sys
from pathlib import Path

import frappe


def main(site: str, method: str, kwargs: str, answer: str) -> None:
	frappe.init(site=site, sites_path=".")
	frappe.connect()
	frappe.set_user("Administrator")
	try:
		value = frappe.get_attr(method)(**json.loads(kwargs))
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	finally:
		frappe.destroy()
	Path(answer).write_text(json.dumps(value, default=str), encoding="utf-8")


main(*sys.argv[1:])
