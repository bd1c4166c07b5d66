"""How fresh the data is, for Pax8 Settings and the workspace, and syncs on demand."""

from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing import clock, permissions
from msp_licensing.desk import settings
from msp_licensing.rules.plurals import plural
from msp_licensing.sync import connection, health, jobs
from msp_licensing.sync.health import Health, State

# Of Frappe's indicators. A kind that is fresh but whose last run did not go well is orange.
COLORS = {State.OFF: "gray", State.WAITING: "blue", State.FRESH: "green", State.STALE: "red"}


@frappe.whitelist()
def status() -> dict[str, Any]:
	"""Every kind of data in detail, for Pax8 Settings.

	Returns:
		`may_sync`, `problem` (why nothing can be synced, or None), `scheduler_problem` (why nothing is started by
		itself, or None), `calls_per_minute` (what all workers together are held to), and `kinds`: a row per kind of
		data. See `_row` for what is in one.
	"""
	permissions.require_connection_manager()
	return {
		"may_sync": permissions.is_manager(),
		"problem": connection.problem(),
		"scheduler_problem": health.scheduler_problem(),
		"calls_per_minute": connection.calls_per_minute(),
		"kinds": [_row(row) for row in health.report()],
	}


def _row(row: Health) -> dict[str, Any]:
	"""A kind of data. Times are in the site's time zone, ages in words.

	`complete`, `newest` and `failure` are Pax8 Sync Runs with `age` and, where something went wrong, `problem`: its
	first sentence. `reason` says why the kind is stale, `remedy` what to do about it; `allowed` how old it may become.
	"""
	return {
		"kind": row.kind,
		"label": _(row.kind),
		"state": str(row.state),
		"color": _color(row),
		"has_trouble": row.has_trouble,
		"allowed": _hours(row.allowed),
		"since": row.since,
		"cause": row.cause and str(row.cause),
		"reason": _reason(row),
		"remedy": health.remedy(row.cause),
		"complete": _run(row.complete),
		"newest": _run(row.newest),
		"failure": _run(row.failure),
		"running": row.running,
		"next": row.next,
	}


def _run(run: Any) -> dict[str, Any] | None:
	if not run:
		return None
	return {
		**{key: value for key, value in run.items() if key != "error"},
		"age": clock.ago(run.finished_on_utc or run.started_on_utc),
		"problem": _problem(run),
	}


def _problem(run: Any) -> str | None:
	"""What went wrong in a run. It may name any client's records: nothing for staff who are restricted to some."""
	text = health.first_sentence(run)
	if text and permissions.is_restricted():
		return _("A colleague who may see all clients can read why.")
	return text or None


def _reason(row: Health) -> str | None:
	"""Why a kind is stale; what the last run said of it is told as `_problem` tells it."""
	return (_problem(row.failure) or row.reason) if row.cause == health.Cause.FAILED else row.reason


def _color(row: Health) -> str:
	return "orange" if row.state == State.FRESH and row.has_trouble else COLORS[row.state]


def _hours(age: timedelta) -> str:
	hours = round(age / timedelta(hours=1))
	if hours < 96:
		return plural(hours, _("{0} hour"), _("{0} hours")).format(hours)
	return _("{0} days").format(round(hours / 24))


@frappe.whitelist(methods=["POST"])
def sync_now(kind: str) -> None:
	"""Queues a run of `kind` ("Companies", "Subscriptions", "Products", "Usage"); whoever asked is shown its progress."""
	permissions.require_manager()
	if kind not in jobs.WALKS:
		frappe.throw(_("{0} cannot be synced.").format(escape_html(kind)))
	if problem := connection.problem():
		frappe.throw(problem)
	jobs.enqueue(kind, trigger="Manual")


# --------------------------------------------------------------------------------------------- workspace


@frappe.whitelist()
def overview() -> dict[str, Any]:
	"""The health of all data in a few words, for the workspace; also fit for a monitor outside of the site.

	Returns:
		`color`, `title`, `notes` (sentences: why, and what is known of it), `kinds` (`label`, `age`, `color`, `hint`),
		and `action` (`label`, `route`, `filters`) for what to do next, or None.
	"""
	permissions.require_connection_manager()
	report = health.report()
	verdict = _verdict(report)
	never = all(row.state == State.OFF and not row.complete for row in report)
	return {
		"kinds": [] if never else [_short(row) for row in report],
		**{"notes": [], "action": {"label": _("Open Pax8 Settings"), "route": ["Form", "Pax8 Settings"]}},
		**verdict,
	}


def _short(row: Health) -> dict[str, str]:
	return {
		"kind": row.kind,
		"label": _(row.kind),
		"state": str(row.state),
		"color": _color(row),
		"age": health.age_in_words(row),
		"hint": _hint(row),
	}


def _verdict(report: list[Health]) -> dict[str, Any]:
	"""Color, title, notes and action for all kinds together: what stands in the way of most comes first."""
	if all(row.state == State.OFF for row in report):
		return _verdict_on_off(report)
	stale = [row for row in report if row.state == State.STALE]
	if stale:
		title = _("Out of date: {0}").format(_names(stale))
		return {"color": "red", "title": title, "notes": _reasons(stale)}
	if problem := connection.problem() or health.scheduler_problem():
		return {"color": "orange", "title": _("Nothing is synced at present"), "notes": [problem]}
	troubled = [row for row in report if row.has_trouble]
	if troubled:
		title = _("The last sync did not go well: {0}").format(_names(troubled))
		notes = [f"{_(row.kind)}: {_problem(row.failure)}" for row in troubled]
		return {"color": "orange", "title": title, "notes": notes}
	step = settings.next_step()
	waiting = [row for row in report if row.state == State.WAITING]
	if waiting:
		color, title = "blue", _("Waiting for the first sync: {0}").format(_names(waiting))
		notes = [_("The schedule comes to it by itself; “Sync Now” in Pax8 Settings does not wait.")]
	elif step:
		color, title, notes = "blue", _("Ready for the next step"), []
	else:
		return {"color": "green", "title": _("Everything is up to date"), "action": None}
	verdict = {"color": color, "title": title, "notes": notes}
	if step:
		action = {"label": step["action"], "route": step["route"], "filters": step.get("filters")}
		verdict.update(notes=[step["message"]], action=action)
	return verdict


def _verdict_on_off(report: list[Health]) -> dict[str, Any]:
	if any(row.complete for row in report):
		title = _("Pax8 is switched off: what is shown grows old")
		notes = [_("The mode in Pax8 Settings is Off: nothing is read, and nothing is changed.")]
	else:
		title = _("Pax8 is not connected yet")
		notes = [
			_(
				"A System Manager enters client ID and client secret in Pax8 Settings and chooses the mode Observe: everything is read then, and nothing can be changed."
			)
		]
	return {"color": "gray", "title": title, "notes": notes}


def _names(rows: list[Health]) -> str:
	return ", ".join(_(row.kind) for row in rows)


def _reasons(stale: list[Health]) -> list[str]:
	"""Why, and what to do about it; a reason that several kinds have in common is given once."""
	kinds_of: dict[str, list[Health]] = {}
	for row in stale:
		kinds_of.setdefault(_sentences(_reason(row), health.remedy(row.cause)), []).append(row)
	if len(kinds_of) == 1:
		return list(kinds_of)
	return [f"{_names(kinds)}: {words}" for words, kinds in kinds_of.items()]


def _sentences(*parts: str | None) -> str:
	"""Joins sentences, the words of others among them, which may lack their full stop."""
	return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part)


def _hint(row: Health) -> str:
	if row.running:
		return _("A sync is running now.")
	return _("May be up to {0} old.").format(_hours(row.allowed))
