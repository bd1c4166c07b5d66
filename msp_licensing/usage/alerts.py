"""Tells managers once of days on which a resource group used much more than usual, and of budgets that are nearly used up.

Run at the end of each sync of usage, on the snapshots that are stored. What has been told is a `Pax8 Usage Alert`, written in one
transaction with the bell and the queued mail. Its unique key keeps people from being told twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, create_batch, flt, fmt_money, format_date, formatdate

from msp_licensing import clock, links
from msp_licensing.changes import delivery, notify, people, wording
from msp_licensing.clients import client_title
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.usage_spikes import HISTORY_DAYS, Gain, gains, spikes
from msp_licensing.sync.kinds.usage.months import DAYS_IN_DOUBT, first_day, last_day, month_before
from msp_licensing.sync.kinds.usage.placement import IGNORED
from msp_licensing.usage import alert_settings
from msp_licensing.usage.alert_settings import Thresholds

DOCTYPE = "Pax8 Usage Alert"
SPIKE, BUDGET = "Spike", "Budget"
PERCENTS = (100, 80)

GROUPS_AT_ONCE = 500
# Days in the picture of a mail, and alerts with a picture; more are counted.
PICTURE_DAYS, LISTED = 14, 10
PICTURE_WIDTH = 240  # pixels


@dataclass
class Alert:
	"""What is to be told: `values` are columns of Pax8 Usage Alert, `key` tells it from all others, `days` are for the picture."""

	values: dict[str, Any]
	key: str
	days: Sequence[tuple[date, Decimal]] = ()
	users: list[str] = field(default_factory=list)
	name: str = ""

	@property
	def is_spike(self) -> bool:
		return self.values["kind"] == SPIKE


def check() -> None:
	"""Tells of everything that has not been told. Raises nothing; the caller commits."""
	with delivery.quietly(DOCTYPE, "usage alerts"):
		managers = notify.managers()
		told = []
		for alert in (*_spikes(), *_budgets()):
			alert.users = _who_is_told(managers, alert.values)
			if _keep(alert):
				told.append(alert)
		_tell(told)


def _who_is_told(managers: list[str], values: dict[str, Any]) -> list[str]:
	if values["client"]:
		return people.who_see_client(managers, values["client_doctype"], values["client"])
	return people.who_see_all_clients(managers)


# --------------------------------------------------------------------------------------------- spikes


def _spikes() -> Iterator[Alert]:
	limits = alert_settings.thresholds()
	if not limits.enabled:
		return
	days = _judged_days(clock.pax8_today())
	for batch in create_batch(_candidates(days, limits.lowest_minimum), GROUPS_AT_ONCE):
		groups = _groups({group for group, _currency in batch})
		totals = _totals({group for group, _currency in batch}, max(days))
		for group, currency in batch:
			if group in groups:
				yield from _spikes_of(groups[group], currency, totals[group, currency], days, limits)


def _judged_days(today: date) -> tuple[date, ...]:
	"""Today, and in the first days of a month the end of the one before, which may still be posted for."""
	ended = last_day(month_before(today))
	return (today, ended) if today.day <= DAYS_IN_DOUBT else (today,)


def _candidates(days: Sequence[date], minimum: Decimal) -> list[tuple[str, str]]:
	"""The resource groups and currencies that rose by at least so much since the day before: few, of many."""
	return sorted(
		set(
			frappe.db.sql(
				"""select s.resource_group, s.currency from `tabPax8 Usage Snapshot` s
				left join `tabPax8 Usage Snapshot` b on b.resource_group = s.resource_group
					and b.day = s.day - interval 1 day and b.month = s.month and b.currency = s.currency
					and b.is_trial = 0 and b.has_charges = 1
				where s.day in %(days)s and s.has_charges = 1 and s.is_trial = 0 and ifnull(s.currency, '') != ''
					and s.charges > 0 and s.charges - ifnull(b.charges, 0) >= %(minimum)s""",
				{"days": tuple(days), "minimum": minimum},
			)
		)
	)


def _groups(names: Iterable[str]) -> dict[str, Any]:
	rows = frappe.db.sql(
		"""select g.name, g.resource_group, g.vendor, p.known_vendor, g.client_doctype, g.client, g.client_name
		from `tabPax8 Resource Group` g left join `tabPax8 Product` p on p.name = g.product
		where g.name in %s and g.placement != %s""",
		(tuple(names), IGNORED),
		as_dict=True,
	)
	return {row.name: row for row in rows}


def _totals(names: Iterable[str], until: date) -> dict[tuple[str, str], list[tuple[date, Decimal]]]:
	found: dict[tuple[str, str], list[tuple[date, Decimal]]] = defaultdict(list)
	for group, currency, day, total in frappe.db.sql(
		"""select resource_group, currency, day, cast(charges as char) from `tabPax8 Usage Snapshot`
		where resource_group in %s and day between %s and %s and has_charges = 1 and is_trial = 0
		order by resource_group, day""",
		(tuple(names), until - timedelta(days=HISTORY_DAYS), until),
	):
		found[group, currency or ""].append((day, Decimal(total)))
	return found


def _spikes_of(
	group: Any,
	currency: str,
	totals: list[tuple[date, Decimal]],
	days: Sequence[date],
	limits: Thresholds,
) -> Iterator[Alert]:
	factor = limits.factor_for(
		(group.client_doctype or "", group.client or ""), (group.vendor, group.known_vendor)
	)
	if factor is None:
		return
	added = gains(totals)
	for spike in spikes(added, factor, limits.minimum_in(currency)):
		if not spike.begins or spike.day not in days:
			continue
		name = group.resource_group or _("(no name)")
		yield Alert(
			{
				"kind": SPIKE,
				"day": spike.day,
				"month": first_day(spike.day),
				"title": name[:140],
				"client_doctype": group.client_doctype,
				"client": group.client,
				"client_name": group.client_name,
				"resource_group": group.name,
				"group_name": name[:140],
				"vendor": group.vendor,
				"currency": currency,
				"amount": spike.amount,
				"usual_amount": spike.usual,
				"threshold": float(factor),
			},
			_key(SPIKE, group.name, spike.day, currency),
			_picture(added, spike.day),
		)


def _picture(added: Sequence[Gain], until: date) -> list[tuple[date, Decimal]]:
	"""What each of the last days added; nothing, on days that were not read."""
	amounts = {gain.day: gain.amount if gain.first is None else gain.first for gain in added}
	first = until - timedelta(days=PICTURE_DAYS - 1)
	days = (first + timedelta(days=number) for number in range(PICTURE_DAYS))
	return [(day, amounts.get(day, Decimal(0))) for day in days]


# --------------------------------------------------------------------------------------------- budgets


def _budgets() -> Iterator[Alert]:
	budgets = alert_settings.budgets()
	if not budgets:
		return
	today = clock.pax8_today()
	months = [first_day(today)]
	if today.day <= DAYS_IN_DOUBT:
		months.append(month_before(today))
	told = _told_of_budgets(months)
	for (doctype, client, currency, month), total in _client_totals(budgets, months).items():
		budget = budgets[doctype, client, currency]
		percent = next((one for one in PERCENTS if total * 100 >= budget * one), None)
		if percent is None or told.get((doctype, client, currency, month), 0) >= percent:
			continue
		name = client_title(doctype, client)
		yield Alert(
			{
				"kind": BUDGET,
				"day": today,
				"month": month,
				"title": name[:140],
				"client_doctype": doctype,
				"client": client,
				"client_name": name,
				"currency": currency,
				"amount": total,
				"budget": budget,
				"percent": percent,
			},
			_key(BUDGET, doctype, client, currency, month, percent),
		)


def _client_totals(
	budgets: Iterable[tuple[str, str, str]], months: Sequence[date]
) -> dict[tuple[str, str, str, date], Decimal]:
	"""What the clients with a budget have used: the months' last totals, without trials, in the currency of a budget."""
	wanted = set(budgets)
	rows = frappe.db.sql(
		"""select client_doctype, client, currency, month, cast(sum(charges) as char) from `tabPax8 Usage Month`
		where client in %s and month in %s and is_trial = 0 and has_charges = 1
		group by client_doctype, client, currency, month""",
		(tuple(client for _doctype, client, _currency in wanted), tuple(months)),
	)
	return {
		(doctype, client, currency, month): Decimal(total)
		for doctype, client, currency, month, total in rows
		if (doctype, client, currency) in wanted
	}


def _told_of_budgets(months: Sequence[date]) -> dict[tuple[str, str, str, date], int]:
	"""The highest percent that was told, by client, currency and month."""
	found: dict[tuple[str, str, str, date], int] = {}
	for row in frappe.get_all(
		DOCTYPE,
		{"kind": BUDGET, "month": ("in", months)},
		["client_doctype", "client", "currency", "month", "percent"],
	):
		key = (row.client_doctype, row.client, row.currency, row.month)
		found[key] = max(found.get(key, 0), cint(row.percent))
	return found


# --------------------------------------------------------------------------------------------- memory


def _key(*parts: Any) -> str:
	return sha256("|".join(map(str, parts)).encode()).hexdigest()


def _keep(alert: Alert) -> bool:
	"""Stores an alert unless there is one like it; returns whether it did. The column is unique."""
	if frappe.db.exists(DOCTYPE, {"unique_key": alert.key}):
		return False
	doc = frappe.get_doc(
		{
			"doctype": DOCTYPE,
			**alert.values,
			"unique_key": alert.key,
			"told_to": "\n".join(alert.users),
			**clock.stamp("alerted_on"),
		}
	)
	frappe.db.savepoint("usage_alert")
	shown = list(frappe.local.message_log)
	try:
		doc.insert(ignore_permissions=True, ignore_links=True)
	except frappe.UniqueValidationError:  # another job was faster
		frappe.db.rollback(save_point="usage_alert")
		frappe.local.message_log = shown
		return False
	alert.name = doc.name
	return True


# --------------------------------------------------------------------------------------------- notices


def _tell(alerts: Sequence[Alert]) -> None:
	"""One mail and one entry in the bell for each manager, of all that the manager may see."""
	of_user: dict[str, list[Alert]] = defaultdict(list)
	for alert in alerts:
		for user in alert.users:
			of_user[user].append(alert)
	for user, seen in sorted(of_user.items()):
		with wording.in_language(wording.language_of(user)):
			subject = _subject(seen)
			delivery.tell(
				[user],
				doctype=DOCTYPE,
				name=seen[0].name,
				subject=subject,
				bell_says=_("A resource group had an unusual day of usage.")
				if seen[0].is_spike
				else _("The usage of a client has reached a part of its budget."),
				message=lambda subject=subject, seen=seen: _mail(subject, seen),
			)


def _subject(alerts: Sequence[Alert]) -> str:
	"""Plain text."""
	kinds = {alert.values["kind"] for alert in alerts}
	values, count = alerts[0].values, len(alerts)
	if kinds == {SPIKE}:
		one = _("Unusual usage: {0}").format(values["title"])
		found = plural(count, one, _("Unusual usage: {0} resource groups").format(count))
	elif kinds == {BUDGET}:
		one = _("Usage budget of {0}: {1} % reached").format(values["title"], values["percent"])
		found = plural(count, one, _("Usage budgets: {0} reached a limit").format(count))
	else:
		found = _("Unusual usage and budgets: {0}").format(count)
	return " ".join(found.split())[:140]


def _mail(subject: str, alerts: Sequence[Alert]) -> str:
	listed = alerts[:LISTED]
	return frappe.render_template(  # nosemgrep: frappe-ssti - a template of this app
		"msp_licensing/templates/emails/usage_alerts.html",
		wording.escaped(
			{
				"subject": subject,
				"spikes": [_spike_words(alert) for alert in listed if alert.is_spike],
				"budgets": [_budget_words(alert) for alert in listed if not alert.is_spike],
				"more": len(alerts) - len(listed),
			}
		)
		| {"link": links.form(DOCTYPE, alerts[0].name) if len(alerts) == 1 else links.listing(DOCTYPE)},
	)


def _spike_words(alert: Alert) -> dict[str, Any]:
	values = alert.values
	currency = values["currency"]
	highest = max(amount for _day, amount in alert.days) or Decimal(1)
	usual = values["usual_amount"]
	return {
		"name": values["group_name"],
		"client": values["client_name"] or _("nobody's"),
		"vendor": values["vendor"] or "",
		"says": _("{0} on {1}; a usual day is {2}.").format(
			_money(values["amount"], currency), format_date(values["day"]), _money(usual, currency)
		),
		"days": [
			{
				"day": formatdate(day, "MM-dd"),
				"amount": _money(amount, currency) if amount else "",
				"width": max(1, round(PICTURE_WIDTH * amount / highest)) if amount else 0,
				"is_spike": int(day == values["day"]),
			}
			for day, amount in alert.days
		],
	}


def _budget_words(alert: Alert) -> dict[str, Any]:
	values = alert.values
	share = min(Decimal(1), values["amount"] / values["budget"])
	return {
		"client": values["client_name"],
		"says": _("{0} of {1} used in {2}.").format(
			_money(values["amount"], values["currency"]),
			_money(values["budget"], values["currency"]),
			formatdate(values["month"], "MMMM yyyy"),
		),
		"percent": values["percent"],
		"used": round(PICTURE_WIDTH * share),
		"left": PICTURE_WIDTH - round(PICTURE_WIDTH * share),
	}


def _money(amount: Decimal, currency: str) -> str:
	"""An amount with its currency's code: a symbol such as $ may be that of several."""
	return f"{fmt_money(flt(amount), precision=2)} {currency}"
