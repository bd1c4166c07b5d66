"""Tells people once when data becomes stale, or when a sync cannot understand something again and again.

What has been told is a `Pax8 Sync Warning`: in the database, so that neither a restart of Redis nor a cleared cache
forgets it. The warning, the notice in the bell and the queued mail are one transaction: a worker that dies leaves
either all of them or none, and the next hour tells what was not told. A notice that cannot be made leaves the warning
alone behind: people are told at most once, and the screens show the state in any case.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import frappe
from frappe import _
from frappe.utils import format_datetime

from msp_licensing import clock, links
from msp_licensing.changes import notify, people
from msp_licensing.rules.vendors import Change
from msp_licensing.sync import health, vendors
from msp_licensing.sync.health import Health, Problem, State

DOCTYPE = "Pax8 Sync Warning"
SETTINGS = "Pax8 Settings"

STALE, PROBLEM, VENDOR = "Stale", "Problem", "Vendor"

# More problems than this are counted in a notice, not listed.
LISTED = 5


def check() -> None:
	"""Looks at every kind of data, tells of what is new, and ends what is over. Run hourly; commits.

	Two checks at once wait for each other; the second finds everything told.
	"""
	frappe.set_user("Administrator")
	# A new transaction, so that nothing is read as it was before the other check was through.
	frappe.db.commit()  # nosemgrep
	_wait_for_other_checks()
	known = _open_warnings()
	report = health.report()
	recovered = _end_what_is_over(report, known)
	_tell_of_vendors(known)
	stale = _remember_stale(report, known)
	problems = _remember_problems(report, known)
	if stale or problems:
		_warn(stale, problems)
	if recovered:
		_all_clear(recovered)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - warnings and notices together


def tell_of_vendors() -> None:
	"""Tells of vendors that have another name at Pax8 than the one they are known by; each once. Commits."""
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - as `check`
	_wait_for_other_checks()
	_tell_of_vendors(_open_warnings())
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - warnings and notices together


def _wait_for_other_checks() -> None:
	"""Holds a row lock until the end of the transaction. The row is there on every site that was ever connected."""
	frappe.db.sql("select value from tabSingles where doctype = %s and field = 'mode' for update", SETTINGS)


def _open_warnings() -> dict[str, Any]:
	rows = frappe.get_all(
		DOCTYPE,
		filters={"open_key": ("is", "set")},
		fields=["name", "open_key", "kind", "about", "problem_key", "reason"],
	)
	return {row.open_key: row for row in rows}


# --------------------------------------------------------------------------------------------- memory


def _end_what_is_over(report: list[Health], known: dict[str, Any]) -> list[Health]:
	"""Closes the warnings whose cause is gone; returns the kinds that are fresh again, to be told of.

	A kind that is waiting for its first walk after a reconnect is not over. One that is switched off is, silently.
	"""
	state = {row.kind: row for row in report}
	recovered = []
	for key, warning in list(known.items()):
		if warning.about == VENDOR:
			continue
		row = state.get(warning.kind)
		if row and row.state != State.OFF:
			if warning.about == STALE and row.state != State.FRESH:
				continue
			if warning.about == PROBLEM and not health.is_over(warning.kind, warning.problem_key):
				continue
		_end(known, key)
		if warning.about == STALE and row and row.state == State.FRESH:
			recovered.append(row)
	return recovered


def _end(known: dict[str, Any], key: str) -> None:
	frappe.db.set_value(DOCTYPE, known.pop(key).name, {"ended_on": clock.site_now(), "open_key": None})


def _tell_of_vendors(known: dict[str, Any]) -> None:
	"""Ends the warnings of vendors whose names have been confirmed, and opens and tells of those that are new."""
	waiting = vendors.changes()
	keys = {change.key for change in waiting}
	for key, warning in list(known.items()):
		if warning.about == VENDOR and warning.problem_key not in keys:
			_end(known, key)
	found = [
		change
		for change in vendors.concerning(waiting)
		if _open(
			known,
			"Products",
			VENDOR,
			since=clock.to_site(change.since),
			cause=None,
			reason=_vendor_words(change),
			problem_key=change.key,
		)
	]
	if found:
		_warn_of_vendors(found)


def _vendor_words(change: Change) -> str:
	if change.vendor:
		return _("{0} is called {1} at Pax8 now.").format(change.known, change.vendor)
	return _("Pax8 names no vendor any more for products of {0}.").format(change.known)


def _warn_of_vendors(found: list[Change]) -> None:
	subject = _("Vendor name changed at Pax8: {0}").format(", ".join(change.known for change in found))
	settings = "Licensing Settings"
	notify.tell(
		people.who_see_all_clients(notify.managers()),
		doctype=settings,
		name=settings,
		subject=subject[:140],
		message=frappe.render_template(  # nosemgrep: frappe-ssti - a template of this app
			"msp_licensing/templates/emails/vendor_changed.html",
			{
				"subject": subject,
				"changes": [
					{
						"words": _vendor_words(change),
						"products": _("1 product")
						if len(change.products) == 1
						else _("{0} products").format(len(change.products)),
					}
					for change in found
				],
				"link": links.form(settings, settings),
			},
		),
	)


def _remember_stale(report: list[Health], known: dict[str, Any]) -> list[Health]:
	"""Opens a warning for each kind that has become stale; returns those that were not told of yet."""
	found = []
	for row in report:
		if row.state != State.STALE or row.on_its_way:
			continue
		if _open(
			known, row.kind, STALE, since=row.since, cause=str(row.cause), reason=row.reason, problem_key=None
		):
			found.append(row)
	return found


def _remember_problems(report: list[Health], known: dict[str, Any]) -> list[Problem]:
	"""Opens a warning for each distinct problem that keeps coming back; returns those that were not told of yet.

	A problem that a warning of stale data has already named is remembered, and not told of a second time.
	"""
	found = []
	for row in report:
		if row.state == State.OFF:
			continue
		for problem in health.repeated_problems(row.kind):
			named = any(
				warning.about == STALE and warning.kind == row.kind and problem.text in (warning.reason or "")
				for warning in known.values()
			)
			is_new = _open(
				known,
				row.kind,
				PROBLEM,
				since=problem.since,
				cause=None,
				reason=problem.text,
				problem_key=problem.key,
			)
			if is_new and not named:
				found.append(problem)
	return found


def _open(known: dict[str, Any], kind: str, about: str, **values: Any) -> bool:
	"""Stores a warning unless there is an open one like it; returns whether it did. `open_key` is unique."""
	digest = sha256((values["problem_key"] or "").encode()).hexdigest()[:24]
	key = f"{kind}:{about}:{digest}"
	if key in known:
		return False
	warning = frappe.get_doc({"doctype": DOCTYPE, "kind": kind, "about": about, "open_key": key, **values})
	frappe.db.savepoint("sync_warning")
	try:
		warning.insert(ignore_permissions=True)
	except frappe.UniqueValidationError:
		# Somebody was faster after all: a check on a site whose settings have never been saved has no row to lock.
		frappe.db.rollback(save_point="sync_warning")
		return False
	known[key] = warning
	return True


# --------------------------------------------------------------------------------------------- notices


def _warn(stale: list[Health], problems: list[Problem]) -> None:
	"""One notice and one mail for all that has been found at this check; its words may name any client's records."""
	users = set(people.who_see_all_clients(notify.managers()))
	if any(row.cause in health.OF_SYSTEM_MANAGERS for row in stale):
		users |= set(people.who_see_all_clients(notify.staff_with("System Manager")))
	subject = _subject(stale, problems)
	notify.tell(
		sorted(users),
		doctype=SETTINGS,
		name=SETTINGS,
		subject=subject,
		bell_says=subject,
		message=frappe.render_template(  # nosemgrep: frappe-ssti - a template of this app
			"msp_licensing/templates/emails/sync_warning.html",
			{
				"subject": subject,
				"stale": [
					{
						"kind": _(row.kind),
						"last": _last(row),
						"since": format_datetime(row.since),
						"reason": row.reason,
						"remedy": health.remedy(row.cause),
					}
					for row in stale
				],
				"problems": [
					{"kind": _(problem.kind), "text": problem.text} for problem in problems[:LISTED]
				],
				"more": max(0, len(problems) - LISTED),
				"link": links.form(SETTINGS, SETTINGS),
			},
		),
	)


def _subject(stale: list[Health], problems: list[Problem]) -> str:
	if stale:
		return _("Pax8 data is out of date: {0}").format(_names(row.kind for row in stale))
	return _("Syncs from Pax8 keep being incomplete: {0}").format(
		_names(problem.kind for problem in problems)
	)


def _last(row: Health) -> str:
	if not row.complete:
		return _("never synced completely")
	return _("last complete sync {0}, {1}").format(
		format_datetime(row.complete.finished_on), clock.ago(row.complete.finished_on_utc)
	)


def _all_clear(rows: list[Health]) -> None:
	"""The end of an episode: in the bell only."""
	subject = _("Pax8 data is up to date again: {0}").format(_names(row.kind for row in rows))
	notify.tell(
		people.who_see_all_clients(notify.managers()),
		doctype=SETTINGS,
		name=SETTINGS,
		subject=subject,
		bell_says=subject,
		message=None,
		by_mail=False,
	)


def _names(kinds: Iterable[str]) -> str:
	return ", ".join(_(kind) for kind in dict.fromkeys(kinds))
