"""Two at once, on two database connections: one of them is stopped at a statement while the other goes all the way.

Whatever the place, one request at most is open for a subscription, one decision counts, and Pax8 is told once.
"""

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from msp_licensing.sandbox import storybook

KEEPER = storybook.CEDAR_KEEPER
DT = "License Change Request"
# At how many places one of the two is stopped.
PLACES = int(os.environ.get("MSP_LICENSING_EXAMPLES") or 3)
# Who waits for a lock of the other one is given this long before the other one goes on.
PATIENCE = 0.4


class Connection(threading.Thread):
	"""Somebody with a database connection of their own, who may be stopped before a statement."""

	def __init__(self, user: str, act: Callable[[], Any], stop_at: int = 0) -> None:
		import frappe

		super().__init__(daemon=True)
		self.site, self.user, self.act, self.stop_at = frappe.local.site, user, act, stop_at
		self.statements = 0
		self.stopped, self.go = threading.Event(), threading.Event()
		self.done: Any = None
		self.refusal: Exception | None = None
		self.crash: BaseException | None = None

	def run(self) -> None:
		import frappe
		from frappe.model.workflow import WorkflowTransitionError

		refusals = (
			frappe.ValidationError,
			frappe.PermissionError,
			frappe.DoesNotExistError,
			WorkflowTransitionError,
		)
		frappe.init(self.site, sites_path=".", force=True)
		frappe.connect()
		frappe.set_user(self.user)
		usual = frappe.local.db.sql

		def sql(*args: Any, **options: Any) -> Any:
			self.statements += 1
			if self.statements == self.stop_at:
				self.stopped.set()
				self.go.wait(30)
			return usual(*args, **options)

		frappe.local.db.sql = sql
		try:
			self.done = self.act() or True
			frappe.db.commit()
		except refusals as error:
			frappe.db.rollback()
			self.refusal = error
		except BaseException as error:
			self.crash = error
		finally:
			frappe.destroy()
			self.stopped.set()


def meet(one: Connection, other: Connection) -> None:
	"""`one` comes to its place, `other` goes as far as it can, then `one` goes on."""
	one.start()
	assert one.stopped.wait(30)
	other.start()
	other.join(PATIENCE)
	one.go.set()
	for connection in (one, other):
		connection.join(60)
		assert not connection.is_alive(), f"{connection.user} waits for ever"
		assert not connection.crash, f"{connection.user}: {connection.crash!r}"


@pytest.fixture
def world(site, sandbox, people, make_portal_user, monkeypatch):
	from types import SimpleNamespace

	from msp_licensing.changes import apply

	monkeypatch.setattr(apply, "READ_BACK_AFTER", (0, 0.01))
	second = make_portal_user("second@msp.example", None, "Licensing Manager")
	return SimpleNamespace(site=site, sandbox=sandbox, second_manager=second, **vars(people))


# --------------------------------------------------------------------------------------------- what people do


def ask(world, wanted="40"):
	def act():
		from msp_licensing import permissions, transactions
		from msp_licensing.changes import requests

		# As the portal's function does.
		return transactions.repeat(
			lambda: requests.submit(KEEPER, wanted, access=permissions.portal_access(world.requester)).name
		)

	return world.requester, act


def ask_in_desk(world, wanted=41):
	def act():
		import frappe

		values = {"subscription": KEEPER, "requested_quantity": wanted, "staff_reason": "By phone"}
		return frappe.get_doc({"doctype": DT, **values}).insert().name

	return world.manager, act


def workflow(world, name, action, user):
	def act():
		import frappe
		from frappe.model.workflow import apply_workflow

		return apply_workflow(frappe.get_doc(DT, name), action).workflow_state

	return user, act


def withdraw(world, name):
	def act():
		from msp_licensing import permissions, transactions
		from msp_licensing.changes import requests

		# As the portal's function does.
		transactions.repeat(
			lambda: requests.withdraw(name, access=permissions.portal_access(world.requester))
		)
		return "Withdrawn"

	return world.requester, act


def expire(world, name):
	def act():
		from msp_licensing.changes import deadlines

		return "Expired" if deadlines.run()["expired"] else "came too late"

	return "Administrator", act


def work(world, name):
	def act():
		from msp_licensing.changes import apply

		apply.run(name)

	return "Administrator", act


def map_to_another(world):
	def act():
		import frappe

		from msp_licensing.setup import demo

		doc = frappe.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
		doc.update({"client_doctype": demo.site_client_doctype(), "client": demo.MUELLER})
		doc.save()

	return world.manager, act


# --------------------------------------------------------------------------------------------- how it begins


def nothing(world):
	return None


def pending(world):
	name = now(world, *ask(world))
	# Old enough to expire, where somebody lets it.
	world.site.db.set_value(
		DT, name, {"requested_on_utc": "2020-01-01", "waiting_since": "2020-01-01"}, update_modified=False
	)
	world.site.db.commit()
	return name


def failed(world):
	from msp_licensing.changes import states

	name = pending(world)
	states.move(name, "Failed", expect=("Pending Approval",), retryable=1)
	world.site.db.commit()
	return name


def approved(world):
	return now(world, *ask(world, "15"))


def now(world, user, act):
	world.site.set_user(user)
	made = act()
	world.site.db.commit()
	world.site.set_user("Administrator")
	return made


# What there is at the beginning, and the two who meet.
PAIRS = {
	"two clients ask": (nothing, lambda w, n: ask(w), lambda w, n: ask(w, "41")),
	"a client and staff ask": (nothing, lambda w, n: ask(w), lambda w, n: ask_in_desk(w)),
	"staff and a client ask": (nothing, lambda w, n: ask_in_desk(w), lambda w, n: ask(w)),
	"a retry and a new wish": (
		failed,
		lambda w, n: workflow(w, n, "Retry", w.manager),
		lambda w, n: ask(w, "12"),
	),
	"a new wish and a retry": (
		failed,
		lambda w, n: ask(w, "12"),
		lambda w, n: workflow(w, n, "Retry", w.manager),
	),
	"two approve": (
		pending,
		lambda w, n: workflow(w, n, "Approve", w.manager),
		lambda w, n: workflow(w, n, "Approve", w.second_manager),
	),
	"one approves, one rejects": (
		pending,
		lambda w, n: workflow(w, n, "Approve", w.manager),
		lambda w, n: workflow(w, n, "Reject", w.second_manager),
	),
	"an approval and a withdrawal": (
		pending,
		lambda w, n: workflow(w, n, "Approve", w.manager),
		lambda w, n: withdraw(w, n),
	),
	"a withdrawal and an approval": (
		pending,
		lambda w, n: withdraw(w, n),
		lambda w, n: workflow(w, n, "Approve", w.manager),
	),
	"an approval and the end of its time": (
		pending,
		lambda w, n: workflow(w, n, "Approve", w.manager),
		lambda w, n: expire(w, n),
	),
	"the end of its time and an approval": (
		pending,
		lambda w, n: expire(w, n),
		lambda w, n: workflow(w, n, "Approve", w.manager),
	),
	"two workers": (approved, lambda w, n: work(w, n), lambda w, n: work(w, n)),
	"a wish and another owner": (nothing, lambda w, n: ask(w), lambda w, n: map_to_another(w)),
	"another owner and a wish": (nothing, lambda w, n: map_to_another(w), lambda w, n: ask(w)),
}


def statements(world, begin, one):
	"""How many statements it takes alone."""
	afresh(world)
	alone = Connection(*one(world, begin(world)))
	alone.start()
	alone.join(60)
	assert alone.done and not alone.crash, alone.refusal or alone.crash
	return alone.statements


def afresh(world):
	from cleaning import clean_requests, empty_queues

	from msp_licensing.setup import demo

	world.site.db.rollback()
	clean_requests(world.site)
	empty_queues(world.site)
	world.sandbox.reset(provisioning_seconds=0.0, rate_limit=0)
	world.site.db.set_value("Pax8 Subscription", KEEPER, {"quantity": 10, "fingerprint": None})
	company = world.site.get_doc("Pax8 Company", storybook.CEDAR_AND_PINE)
	if company.client != demo.CEDAR:
		company.update({"client": demo.CEDAR})
		company.save()
	world.site.db.commit()


@pytest.mark.parametrize("pair", PAIRS)
def test_two_at_once(world, pair):
	begin, one, other = PAIRS[pair]
	length = statements(world, begin, one)
	for place in sorted({max(1, length * number // PLACES) for number in range(1, PLACES + 1)}):
		afresh(world)
		name = begin(world)
		first, second = Connection(*one(world, name), stop_at=place), Connection(*other(world, name))
		meet(first, second)
		try:
			check(world, name, first, second)
		except AssertionError as error:
			error.add_note(f"{pair}: stopped at {place} of {length}; {first.refusal!r}, {second.refusal!r}")
			raise


def check(world, name, first, second):
	from frappe.utils.background_jobs import get_queue

	from msp_licensing import permissions

	site, sandbox = world.site, world.sandbox
	site.db.rollback()
	rows = site.get_all(DT, fields=["*"])
	opened = [row for row in rows if row.open_subscription]
	assert len(opened) <= 1, f"open at the same time: {[row.name for row in opened]}"
	won = [one for one in (first, second) if not one.refusal]
	assert won, "neither got anywhere"
	states = [one.done for one in won if isinstance(one.done, str) and one.done in (*CLOSING, "Approved")]
	if name and states:
		assert len(set(states)) == len(states) == 1, f"both decided: {states}"
		assert site.db.get_value(DT, name, "workflow_state") == states[0]
	for row in opened:
		owner = site.db.get_value("Pax8 Subscription", row.subscription, "client")
		people = permissions.client_requesters(row.client_doctype, row.client)
		asked = row.source != "Portal" or row.requested_by in people
		assert asked, f"{row.requested_by} asks for {row.client}"
		assert row.client == owner, f"{row.name} is open for {row.client}; the subscription is {owner}'s"
	for job in get_queue("short").jobs:
		if job.kwargs["method"] == "msp_licensing.changes.apply.run":
			site.get_attr(job.kwargs["method"])(**job.kwargs["kwargs"])
	site.set_user("Administrator")
	sent = [call["body"]["quantity"] for call in sandbox.calls("updateSubscription")]
	applied = site.get_all(DT, {"workflow_state": "Applied"}, pluck="requested_quantity")
	assert sent == applied and len(sent) <= 1, f"sent {sent}, applied {applied}"


CLOSING = ("Rejected", "Withdrawn", "Expired")
