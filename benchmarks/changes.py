"""From approval to confirmed change: a manager's approval, a real worker in a process of its own, and the stand-in Pax8.

Each change is approved as the desk does it and watched from another connection until everybody can see that it is
`Applied`. Between changes the same worker carries out a job that does nothing: what Frappe and RQ need by themselves.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import frappe
from frappe.model.workflow import apply_workflow
from frappe.utils import get_datetime

from benchmarks import site
from benchmarks.measure import Result, measurement
from benchmarks.server import Control
from msp_licensing import clock
from msp_licensing.changes import states
from msp_licensing.changes.states import DOCTYPE

SECONDS = 120
"""How long a change may take before the measurement gives up."""
LOOK_EVERY = 0.002


class Worker:
	"""A running worker, as the kernel sees it."""

	def __init__(self, pid: int) -> None:
		self._folder = Path(f"/proc/{pid}")
		self._children = self._folder / "task" / str(pid) / "children"

	def cpu(self) -> float:
		"""Seconds of processor time that the worker and its jobs have used; waits until the last job is gone."""
		while self._children.read_text().strip():
			time.sleep(LOOK_EVERY)
		fields = (self._folder / "stat").read_text().rsplit(")", 1)[1].split()
		return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def worker() -> Iterator[Worker]:
	"""A worker of the site that is free: it listens to the queue of changes and to no other."""
	process = subprocess.Popen(  # nosemgrep: frappe-subprocess-exec - a command for developers, with arguments of its own
		[
			sys.executable,
			*("-m", "frappe.utils.bench_helper", "frappe", "worker", "--queue", "short", "--quiet"),
		],
		cwd=os.environ["FRAPPE_SITES_PATH"],
		stdout=subprocess.DEVNULL,
		stderr=subprocess.DEVNULL,
	)
	try:
		yield Worker(process.pid)
	finally:
		process.terminate()
		try:
			process.wait(10)
		except subprocess.TimeoutExpired:  # RQ does not hear it at the moment when it goes back to waiting
			process.kill()
			process.wait()


@measurement
def changes(url: str, count: int, provisioning_seconds: float) -> Result:
	"""Approves `count` changes one after the other.

	Returns:
		`taken`: rows of seconds. `total` from the beginning of the approval to the change that all can see; its
		parts `approve`, `start`, `read`, `write`, `tell`; `pax8`, Pax8's own part of `total`; `cpu`, processor time of
		the approval and of the job; `empty`, the job that does nothing, from queuing to its end.
	"""
	from msp_licensing.setup import demo

	demo.make_mail_account()
	frappe.db.set_single_value("Licensing Settings", "allow_self_approval", 1)
	frappe.clear_document_cache("Licensing Settings", "Licensing Settings")
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	control, names = Control(url), _subscriptions(count + 1)
	taken = []
	with worker() as free:
		# The first one of each loads what a process loads once.
		_empty_job()
		_change(names[0], control, provisioning_seconds, free)
		for name in names[1:]:
			taken.append({"empty": _empty_job(), **_change(name, control, provisioning_seconds, free)})
	return {"rows": count, "taken": taken}


def _subscriptions(count: int) -> list[str]:
	names = frappe.get_all(
		"Pax8 Subscription",
		filters={
			"status": "Active",
			"vanished": 0,
			"quantity": (">", 0),
			"commitment_term_id": ("is", "not set"),
			"commitment_end": ("is", "not set"),
			"end_date": ("is", "not set"),
		},
		order_by="name",
		limit=count,
		pluck="name",
	)
	if len(names) < count:
		raise SystemExit(f"Only {len(names)} subscriptions can be changed, and {count} are needed.")
	return names


def _change(
	subscription: str, control: Control, provisioning_seconds: float, free: Worker
) -> dict[str, float]:
	before = frappe.db.get_value("Pax8 Subscription", subscription, "quantity")
	doc = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			"subscription": subscription,
			"requested_quantity": before + 1,
			"staff_reason": "Benchmark",
		}
	).insert()
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	control.forget_calls()
	job, own = free.cpu(), time.process_time()
	began, clicked = time.perf_counter(), clock.site_now()
	apply_workflow(doc, "Approve")
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	approved, own = time.perf_counter() - began, time.process_time() - own
	total = _wait_until_applied(doc.name, began)
	row = frappe.db.get_value(
		DOCTYPE, doc.name, ["claimed_on", "write_sent_on", "applied_on", "quantity_after"], as_dict=True
	)
	if row.quantity_after != before + 1 or not row.write_sent_on:
		raise SystemExit(f"{doc.name} is applied without having been sent: {row}")
	claimed, sent, applied = (
		(get_datetime(row[field]) - clicked).total_seconds()
		for field in ("claimed_on", "write_sent_on", "applied_on")
	)
	return {
		"total": total,
		"approve": approved,
		"start": claimed - approved,
		"read": sent - claimed,
		"write": applied - sent,
		"tell": total - applied,
		"cpu": own + free.cpu() - job,
		"pax8": pax8_seconds(control.list_calls(), subscription, provisioning_seconds),
	}


def _wait_until_applied(name: str, began: float) -> float:
	while True:
		frappe.db.rollback()  # a new look, not the snapshot of the last one
		state, message = frappe.db.get_value(DOCTYPE, name, ["workflow_state", "pax8_message"])
		passed = time.perf_counter() - began
		if state == states.APPLIED:
			return passed
		if state not in (states.APPROVED, states.APPLYING) or passed > SECONDS:
			raise SystemExit(f"{name} is {state} after {passed:.0f} s: {message}")
		time.sleep(LOOK_EVERY)


def pax8_seconds(calls: list[dict[str, Any]], subscription: str, provisioning_seconds: float) -> float:
	"""Pax8's own part: the read before, the change, what it needs to provision it, and the read that shows it.

	Reads beyond these are our own doing, and so is the time that passes until we look.
	"""
	own = [call for call in calls if subscription in call["path"]]
	reads = [call["ms"] for call in own if call["method"] == "GET"]
	writes = [call["ms"] for call in own if call["method"] == "PUT"]
	if len(reads) < 2 or len(writes) != 1:
		raise SystemExit(f"A change takes a read, a write and a read, not {own}")
	return (reads[0] + writes[0] + reads[-1]) / 1000 + provisioning_seconds


def _empty_job() -> float:
	began = time.perf_counter()
	job = frappe.enqueue("frappe.ping", queue="short")
	while job.get_status(refresh=True) != "finished":
		if time.perf_counter() - began > SECONDS:
			raise SystemExit("The worker does not work.")
		time.sleep(LOOK_EVERY)
	return time.perf_counter() - began


# Where a request leaves traces, and the column that says so.
TRACES = {
	"Comment": "reference_doctype",
	"Email Queue": "reference_doctype",
	"Notification Log": "document_type",
	"ToDo": "reference_type",
	"Version": "ref_doctype",
	"Workflow Action": "reference_doctype",
}


@measurement
def forget_changes() -> Result:
	"""Removes the requests that were made to be measured, and what they left."""
	own = ("Request", "Attempt", "Event", "Notice")
	site.empty(*(f"License Change {name}" for name in own))
	for doctype, column in TRACES.items():
		frappe.db.delete(doctype, {column: DOCTYPE})
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	return {"rows": 0}
