"""What settings would do before they are saved: past requests decided again, and a single change tried out.

Both ask the functions that decide real requests; only the settings differ. Nothing is written.
"""

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing import clock, permissions
from msp_licensing.changes import decide, policies, releases, states
from msp_licensing.changes import requests as changes
from msp_licensing.changes.states import DOCTYPE
from msp_licensing.desk import requests
from msp_licensing.rules.client_approval import ASKED
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.policy import Outcome, Policy, Verdict
from msp_licensing.rules.replay import Asked, MadeByStaff, Replayed, replay, tally
from msp_licensing.rules.values import Step

SETTINGS, CLIENT_POLICY = "Licensing Settings", policies.CLIENT_POLICY
MOST_DAYS = 730
# Decided again in a second or two; a site with more sees the newest.
MOST_REQUESTS = 5000
MOST_SHOWN = 200

# Settings that have nothing to do with a decision stay as they are saved.
_NO_VALUES = ("Section Break", "Column Break", "Tab Break", "HTML", "Button", "Password")


@frappe.whitelist()
def replay_requests(
	days: int = 90, settings: str | dict | None = None, client_policy: str | dict | None = None
) -> dict[str, Any]:
	"""Decides the clients' requests of the last `days` again.

	Args:
		settings: a Licensing Settings document as it stands in the form; None: as it is saved.
		client_policy: a Licensing Client Policy as it stands in the form; then only its client's requests are looked at.

	Returns:
		`since`, `total`, `differing`; `counts`: rows with `then`, `now` and `count`; `rows`: the newest of those that
		would be decided otherwise, each with what it was about, `then`, `now` and `why`; `left_out`: how many cannot be
		decided again; `cut`: whether there are older ones.
	"""
	permissions.require_connection_manager()
	if not 1 <= days <= MOST_DAYS:
		frappe.throw(_("Choose 1 to {0} days.").format(MOST_DAYS))
	tried = _Tried(settings, client_policy)
	since = clock.pax8_today() - timedelta(days=days - 1)
	rows, cut = _past_requests(since, tried)
	history, left_out = _history(rows, tried.policies_for(rows))
	# What was released before the first of them is known from its own facts.
	first = min((one.on for one in history if isinstance(one, Asked)), default=since)
	done = [one for one in replay(history, since=first) if one.asked.on >= since]
	by_name = {row.name: row for row in rows}
	differing = [one for one in reversed(done) if one.differs]
	return {
		"since": since.isoformat(),
		"total": len(done),
		"differing": len(differing),
		"counts": [
			{"then": str(then), "now": str(now), "count": count} for (then, now), count in tally(done).items()
		],
		"rows": [_difference(one, by_name[one.asked.name]) for one in differing[:MOST_SHOWN]],
		"left_out": sum(row.requested_on_utc.date() >= since for row in left_out),
		"cut": cut,
	}


@frappe.whitelist()
def simulate(
	subscription: str,
	wanted: str,
	timing: str = "Now",
	settings: str | dict | None = None,
	client_policy: str | dict | None = None,
) -> dict[str, Any]:
	"""What would become of a client's wish for `wanted` licenses in all, by settings that may be unsaved.

	Args:
		timing: "Now" or "End of Term".
		settings, client_policy: as for `replay_requests`.

	Returns:
		`outcome`; `summary` for staff; `for_client`: what the client would read; `steps` of the decision in words;
		`notes`.
	"""
	permissions.require_connection_manager()
	frappe.has_permission("Pax8 Subscription", "read", subscription, throw=True)
	row = frappe.db.get_value("Pax8 Subscription", subscription, list(decide.FIELDS), as_dict=True)
	if not row:
		frappe.throw(_("This subscription does not exist."), frappe.DoesNotExistError)
	tried = _Tried(settings, client_policy)
	inputs = decide.inputs_for(
		row,
		wanted,
		timing=timing,
		settings=tried.settings,
		has_open_request=False,
		client_released=releases.of_client(row.client_doctype, row.client, clock.pax8_today()),
	)
	inputs = inputs._replace(policy=tried.policies_for([row])[row.client_doctype, row.client])
	decision = inputs.decide()
	# The client's own approver comes first, in a real decision, too, unless there is nothing to approve.
	refused = decision.outcome is Outcome.REFUSED
	client = None if refused else changes.client_step(row, inputs, requested_by="")
	trace = decision.trace if client is None else (client, *decision.trace)
	return {
		"outcome": str(decision.outcome),
		"summary": decide.staff_words(decision),
		"for_client": decide.client_words(decision),
		"steps": requests.steps_in_words(decide.trace_of(replace(decision, trace=trace)), decision.rule),
		"notes": _notes(row, client),
	}


def _notes(row: Any, client: Step | None) -> list[str]:
	notes = [
		plural(
			row.quantity,
			_("{0} has {1} license by the last sync; a real request asks Pax8 first."),
			_("{0} has {1} licenses by the last sync; a real request asks Pax8 first."),
		).format(row.client_name or row.client or row.name, row.quantity)
	]
	if client is not None and client.verdict is Verdict.HOLDS:
		notes.append(_("The client's own approver is asked first; then it is decided once more."))
	if open_request := frappe.db.get_value(
		DOCTYPE, {"subscription": row.name, "workflow_state": ("in", states.OPEN)}
	):
		notes.append(
			_("Request {0} is open: until it is closed, every other one is refused.").format(open_request)
		)
	return notes


class _Tried:
	"""The documents of the form in place of the saved ones, checked as if they were to be saved.

	Attributes:
		settings: a Licensing Settings document. own: a Licensing Client Policy, or None.
	"""

	def __init__(self, settings: str | dict | None, client_policy: str | dict | None) -> None:
		self.settings = _filled(frappe.get_doc(SETTINGS), settings)
		self.own = None
		if client_policy:
			self.own = _filled(frappe.new_doc(CLIENT_POLICY), client_policy)
			self.own.name = frappe.parse_json(client_policy).get("name")
			permissions.require_client(self.own.client_doctype, self.own.client)
		for doc in filter(None, (self.settings, self.own)):
			doc.validate()  # not as a save would: nobody's hooks and notifications

	@property
	def client(self) -> tuple[str, str] | None:
		"""The one client that is looked at; None: all."""
		return (self.own.client_doctype, self.own.client) if self.own else None

	@property
	def longest_window(self) -> int:
		own = frappe.get_all(CLIENT_POLICY, {"override_window": 1}, pluck="window_days")
		own += [self.own.window_days] if self.own else []
		return max(0, cint(self.settings.window_days), *map(cint, own))

	def policies_for(self, rows: list[Any]) -> dict[Any, Policy]:
		"""The policies of all clients of rows (client_doctype, client)."""
		found = decide.policies_for(rows, self.settings)
		if self.own and self.client in found:
			others = [own for own in policies.own_policies(*self.client) if own.name != self.own.name]
			tried = others if cint(self.own.disabled) else [*others, self.own]
			found[self.client] = policies.with_all(decide.current_policy(self.settings), tried)
		return found


def _filled(doc: Any, values: str | dict | None) -> Any:
	"""`doc` with the values of a form, as far as they are fields of it."""
	values = frappe.parse_json(values) or {}
	for field in doc.meta.fields:
		if field.fieldtype in _NO_VALUES or field.fieldname not in values:
			continue
		value = values[field.fieldname]
		if field.fieldtype == "Table":
			columns = [column.fieldname for column in frappe.get_meta(field.options).fields]
			value = [{column: row.get(column) for column in columns} for row in value or []]
		doc.set(field.fieldname, value)
	return doc


# --------------------------------------------------------------------------------------------- past requests


def _past_requests(since: date, tried: _Tried) -> tuple[list[Any], bool]:
	"""Requests that are decided again, oldest first, and whether there are older ones within the time.

	It begins earlier than what is told of: windows and months count what came before.
	"""
	filters: dict[str, Any] = dict(zip(("client_doctype", "client"), tried.client or (), strict=False))
	begin = min(since.replace(day=1), since - timedelta(days=tried.longest_window))
	newest = frappe.get_list(
		DOCTYPE,
		filters={**filters, "requested_on_utc": (">=", begin)},
		fields=[
			"name",
			"client_doctype",
			"client",
			"client_name",
			"subscription",
			"product_name",
			"source",
			"requested_on",
			"requested_on_utc",
			"requested_quantity",
			"current_quantity",
			"workflow_state",
			"decision",
			"decision_rule",
			"decision_trace",
			"decision_facts",
		],
		order_by="requested_on_utc desc, name desc",
		limit=MOST_REQUESTS + 1,
	)
	cut = len(newest) > MOST_REQUESTS
	return newest[:MOST_REQUESTS][::-1], cut


def _history(rows: list[Any], by_client: dict[Any, Policy]) -> tuple[list[Asked | MadeByStaff], list[Any]]:
	"""The requests as `rules.replay` takes them, and those that cannot be decided again."""
	history: list[Asked | MadeByStaff] = []
	left_out = []
	for row in rows:
		made = row.workflow_state not in releases.NOT_RELEASED
		if row.source != "Portal":
			if made:
				history.append(MadeByStaff(row.subscription))
			continue
		inputs = decide.stored_facts(row)
		if inputs is None:
			left_out.append(row)
			continue
		client = (row.client_doctype, row.client)
		history.append(
			Asked(
				name=row.name,
				on=inputs.today,
				client=client,
				subscription=row.subscription,
				wanted=inputs.wanted,
				rule=inputs.rule,
				facts=inputs.facts,
				then=_then(row),
				policy=by_client[client],
				timing=inputs.timing,
				verified=row.decision_rule != "not_verified",
				possible=row.workflow_state != states.FAILED,
				made=made,
			)
		)
	return history, left_out


def _then(row: Any) -> Outcome:
	"""What the rules said then, by the trace of it: `decision` may have been overtaken by a quantity that moved.

	What the client's own approver has to say comes before the rules, and is no part of them.
	"""
	steps = json.loads(row.decision_trace or "[]")
	held = any(step["verdict"] == str(Verdict.HOLDS) and step["rule"] != ASKED for step in steps)
	return Outcome.HELD if held or row.decision_rule == "not_verified" else Outcome.RELEASED


def _difference(one: Replayed, row: Any) -> dict[str, Any]:
	return {
		"name": row.name,
		"requested_on": row.requested_on,
		"client": row.client_name or row.client,
		"product_name": row.product_name,
		"current": one.asked.facts.quantity,
		"wanted": row.requested_quantity,
		"then": str(one.asked.then),
		"now": str(one.now),
		"why": decide.staff_words(one.decision),
		"state": row.workflow_state,
	}
