"""Loaded by Frappe whenever a `bench` command starts. The app has no commands; its worker loads here what jobs need.

RQ forks a process for every job. What its parent has not loaded, every job loads again: for a change of licenses that
takes several times as long as the change itself.
"""

import contextlib
import sys
from importlib import import_module

commands: list[object] = []

JOBS = ("msp_licensing.changes.apply", "msp_licensing.sync.jobs")

# What Frappe and httpx load only when it is used: documents that are saved, mails, templates, a connection.
USED_BY_JOBS = (
	"babel.dates",
	"bleach",
	"frappe.core.doctype.comment.comment",
	"frappe.core.doctype.user.user",
	"frappe.database.query",
	"frappe.email.doctype.email_account.email_account",
	"frappe.email.doctype.email_queue.email_queue",
	"frappe.email.email_body",
	"frappe.utils.jinja_globals",
	"frappe.utils.safe_exec",
	"frappe.website.path_resolver",
	"frappe.workflow.doctype.workflow.workflow",
	"httpcore",
	"jinja2.sandbox",
)


def is_worker(arguments: list[str]) -> bool:
	"""Whether the command line is that of a worker: `bench worker --queue short`."""
	return bool({"worker", "worker-pool"} & set(arguments[1:]))


if is_worker(sys.argv):
	for module in (*JOBS, *USED_BY_JOBS):
		# What is broken is told by the job that needs it, and must not end the worker.
		with contextlib.suppress(Exception):
			import_module(module)
