"""The site that is measured on: made ready, emptied, and asked what was written to it."""

import os
from pathlib import Path
from typing import Any

import frappe

from msp_licensing.setup import demo

MIRRORED = ("Pax8 Company", "Pax8 Product", "Pax8 Product Price", "Pax8 Subscription")
CLIENT = "Benchmark Client"
NO_LIMIT = 10_000_000


def open_site() -> None:
	"""Connects to the test site named by the environment. What is in it will be lost, so no other site is taken."""
	os.chdir(os.environ["FRAPPE_SITES_PATH"])
	frappe.init(os.environ["FRAPPE_TEST_SITE"], sites_path=".")
	frappe.connect()
	frappe.set_user("Administrator")
	if not frappe.conf.allow_tests:
		raise SystemExit("Benchmarks empty tables: this site does not allow tests.")
	frappe.db.sql("set session lock_wait_timeout = 30")


def connect_to(url: str, calls_per_minute: int) -> None:
	demo.finish_setup_wizard()
	demo.connect(url)
	demo.choose_policy()
	allow(calls_per_minute)


def allow(calls_per_minute: int) -> None:
	"""Sets the limit that the site keeps to; 0 = none that could be felt."""
	frappe.db.set_single_value("Pax8 Settings", "calls_per_minute", calls_per_minute or NO_LIMIT)
	frappe.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit


def empty(*doctypes: str) -> None:
	for doctype in doctypes:
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
		# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		frappe.db.sql(f"truncate table `tab{doctype}`")
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit


def map_all_companies() -> None:
	"""Gives every company to one client: only mapped companies' subscriptions are copied."""
	demo.make_client(CLIENT)
	frappe.db.sql(
		"update `tabPax8 Company` set client_doctype = %s, client = %s", (demo.site_client_doctype(), CLIENT)
	)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit


def rows_touched() -> int:
	"""Rows inserted, updated or deleted by the database server since it started, by its own count."""
	status = dict(frappe.db.sql("show global status like 'Handler\\_%'"))
	return sum(int(status[f"Handler_{what}"]) for what in ("write", "update", "delete"))


def checksums() -> dict[str, Any]:
	return {
		# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		doctype: frappe.db.sql(f"checksum table `tab{doctype}`")[0][1]
		for doctype in MIRRORED
	}


def server_cpu() -> float:
	"""Seconds of processor time that the database server has used since it started; 0.0 where that cannot be seen."""
	try:
		pid = Path(frappe.db.sql("select @@pid_file")[0][0]).read_text().strip()
		fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
	except OSError:
		return 0.0
	return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def columns(doctype: str) -> list[str]:
	return [
		row[0]
		# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		for row in frappe.db.sql(f"show columns from `tab{doctype}`")
	]
