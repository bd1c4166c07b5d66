"""Usage: a day of all totals written, and reads over a month of days.

It is noon of 31 March 2027 (UTC) in every process here, so that a month of days lies behind, and no two runs differ by
the calendar. Summaries are made up beforehand: what is measured is the work of the sync itself.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import frappe

from benchmarks import one_by_one, site
from benchmarks.measure import (
	PRODUCT,
	SUBSCRIPTION,
	Result,
	_batches,
	_run,
	_upsert,
	_warm,
	measured,
	measurement,
)
from benchmarks.replay import Replay
from benchmarks.report import fewest_pages
from msp_licensing import clock
from msp_licensing.pax8 import UsageSummary
from msp_licensing.setup import demo
from msp_licensing.sync import own_companies
from msp_licensing.sync.kinds.usage import lines, revision, scope
from msp_licensing.sync.mirror import upsert

NOW = datetime(2027, 3, 31, 12, 0)
TODAY = NOW.date()

COMPANY, GROUP = "Pax8 Company", "Pax8 Resource Group"
SNAPSHOT, MONTH, LINE = "Pax8 Usage Snapshot", "Pax8 Usage Month", "Pax8 Usage Line"
WRITTEN = (GROUP, SNAPSHOT, MONTH)
CLIENTS = 50
METERED = "00000000-0000-4000-8000-00000000feed"


@contextmanager
def _noon() -> Iterator[None]:
	with patch.object(clock, "utc_now", lambda: NOW):
		yield


def _id(kind: str, number: int) -> str:
	return str(UUID(hashlib.md5(f"{kind} {number}".encode()).hexdigest()))


class _Usage(Replay):
	"""Hands out made-up summaries; there are no lines.

	Args:
		subscriptions: how many; each has `groups` resource groups.
	"""

	def __init__(self, subscriptions: int, groups: int) -> None:
		super().__init__({"subscriptions": []})
		self._summaries = {
			_id("subscription", number): [
				UsageSummary.model_validate(
					{
						"id": _id("summary", number * groups + one),
						"companyId": _id("company", (number + one) % CLIENTS),
						"productId": METERED,
						"resourceGroup": f"customer-{number:05}-group-{one:03}",
						"vendorName": f"Vendor {number % 20}",
						"currentCharges": str(number + one + 0.25),
						"partnerTotal": str((number + one + 0.25) * 0.8),
						"currencyCode": "USD" if number % 10 else "EUR",
						"isTrial": number % 50 == 7,
					}
				)
				for one in range(groups)
			]
			for number in range(subscriptions)
		}

	def usage_summaries(self, subscription_id: str, **_options: Any) -> Iterator[UsageSummary]:
		return iter(self._summaries.get(subscription_id, ()))


# -------------------------------------------------------------------------------------- making things ready


@measurement
def usage_prepare(subscriptions: int) -> Result:
	"""Clients, companies that are mapped to them, and subscriptions of a product that is billed by usage."""
	site.empty(*site.MIRRORED, *WRITTEN, LINE, "Pax8 Sync Run")
	demo.finish_setup_wizard()
	demo.choose_policy()
	for field, value in (("usage_line_days", 0), ("shadow_company_ids", "")):
		frappe.db.set_single_value("Pax8 Settings", field, value)
	doctype = demo.site_client_doctype()
	names = [f"{site.CLIENT} {number:02}" for number in range(CLIENTS)]
	for name in names:
		demo.make_client(name)
	companies = [_id("company", number) for number in range(CLIENTS)]
	upsert(
		COMPANY,
		[
			(
				company,
				{
					"pax8_id": company,
					"company_name": name,
					"client_doctype": doctype,
					"client": name,
					"client_name": name,
				},
			)
			for company, name in zip(companies, names, strict=True)
		],
	)
	product = {"pax8_id": METERED, "product_name": "Metered", "vendor": "Vendor", "usage_class": "Usage"}
	upsert(PRODUCT, [(METERED, product)])
	upsert(
		SUBSCRIPTION,
		[
			(
				name,
				{
					"pax8_id": name,
					"pax8_company": companies[number % CLIENTS],
					"product": METERED,
					"product_name": "Metered",
					"vendor": f"Vendor {number % 20}",
					"status": "Active",
					"client_doctype": doctype,
					"client": names[number % CLIENTS],
				},
			)
			for number in range(subscriptions)
			for name in [_id("subscription", number)]
		],
	)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	return {"rows": subscriptions}


@measurement
def usage_history(days: int) -> Result:
	"""Snapshots of the days before today: totals that grew day by day."""
	names = site.columns(SNAPSHOT)
	replaced = {
		"name": "left(sha1(concat(name, %(day)s)), 20)",
		"day": "%(day)s",
		"charges": "charges * %(part)s",
		"cost": "cost * %(part)s",
	}
	chosen = ", ".join(replaced.get(name, f"`{name}`") for name in names)
	for back in range(1, days):
		day = TODAY - timedelta(days=back)
		frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
			f"""insert into `tab{SNAPSHOT}` ({", ".join(f"`{name}`" for name in names)})
			select {chosen} from `tab{SNAPSHOT}` where day = %(today)s""",
			{"day": str(day), "today": str(TODAY), "part": day.day / 31},
		)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
	frappe.db.sql(f"analyze table `tab{SNAPSHOT}`")
	return {"rows": frappe.db.count(SNAPSHOT)}


@measurement
def usage_tidy() -> Result:
	site.empty(*WRITTEN, LINE)
	for field, value in (("usage_line_days", lines.DEFAULT_DAYS), ("shadow_company_ids", "")):
		frappe.db.set_single_value("Pax8 Settings", field, value)
	frappe.db.delete(demo.site_client_doctype(), {"name": ("like", f"{site.CLIENT} %")})
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	return {}


def _before(kind: str) -> None:
	"""Nothing is stored ("new"); or all was last read yesterday and has another total now ("day")."""
	if kind == "new":
		site.empty(*WRITTEN)
		return
	yesterday = str(TODAY - timedelta(days=1))
	# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
	frappe.db.sql(f"delete from `tab{SNAPSHOT}` where day = %s", str(TODAY))
	frappe.db.sql(  # nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		f"""update `tab{GROUP}` set last_day = %s, fingerprint = null, this_month_charges = this_month_charges - 1,
		read_on = read_on - interval 1 day""",
		yesterday,
	)
	# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
	frappe.db.sql(f"update `tab{MONTH}` set last_day = %s, charges = charges - 1", yesterday)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit


def _rows_written() -> int:
	today = {"day": str(TODAY)}
	return frappe.db.count(GROUP) + frappe.db.count(SNAPSHOT, today) + frappe.db.count(MONTH)


# -------------------------------------------------------------------------------------- writing


@measurement
def usage_ours(subscriptions: int, groups: int, kind: str) -> Result:
	"""A sync of usage whose summaries have been fetched and parsed. "unchanged": it was read a moment ago."""
	usage = _Usage(subscriptions, groups)
	with _noon():
		# The first run of a process loads what all others find in memory.
		_run("Usage", _Usage(1, 1))
		if kind == "unchanged":
			_run("Usage", usage)
		else:
			_before(kind)
		result: Result = {}
		touched = site.rows_touched()
		with measured(result):
			counters = _run("Usage", usage)
	result.update(rows=_rows_written(), touched=site.rows_touched() - touched)
	wanted = {"new": "rows_new", "day": "rows_changed", "unchanged": "rows_unchanged"}[kind]
	if counters[wanted] != subscriptions * groups:
		raise SystemExit(f"Not every row was {kind}: {counters}")
	return result


@measurement
def usage_bare(kind: str, text: bool) -> Result:
	"""Multi-row upserts of the very same rows through the database driver, and nothing else."""
	batches = [
		batch
		for doctype in WRITTEN
		for batch in _batches(
			doctype,
			set(site.columns(doctype))
			- {"_user_tags", "_comments", "_assign", "_liked_by", "docstatus", "idx"},
			kept=("name", "creation", "owner"),
			where=f"day = '{TODAY}'" if doctype == SNAPSHOT else "",
		)
	]
	_before(kind)
	return _upsert(batches, text=text)


@measurement
def usage_saves(kind: str, sample: int) -> Result:
	"""A group, its snapshot and its month as documents, one `save` each; `sample` documents in all."""
	copies = {doctype: one_by_one.plain_copy(doctype) for doctype in WRITTEN}
	# Frappe names these by what it is given.
	ready = [
		(copies[doctype], {**_plain(row), "name": row.name})
		for group in frappe.get_all(GROUP, pluck="name", limit=max(1, sample // 3), order_by="name")
		for doctype in WRITTEN
		for row in frappe.get_all(doctype, _of(doctype, group), ["*"], limit=1)
	]
	site.empty(*copies.values())

	def save_all(existing: bool) -> None:
		for doctype, values in ready:
			name = values["name"]
			if existing and doctype != copies[SNAPSHOT]:
				doc = frappe.get_doc(doctype, name)
			else:
				doc = frappe.new_doc(doctype)
				doc.flags.name_set, doc.name = True, name
			doc.update({key: value for key, value in values.items() if key != "name"})
			doc.save(ignore_permissions=True)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit

	if kind == "new":
		for doctype, values in ready[:3]:
			_warm(doctype, {key: value for key, value in values.items() if key != "name"})
	else:
		save_all(False)
		# The snapshot of the day is new; the group and the month change.
		site.empty(copies[SNAPSHOT])
		for _doctype, values in ready:
			for field in ("charges", "this_month_charges"):
				if field in values:
					values[field] += 1
	result: Result = {"rows": len(ready)}
	with measured(result):
		save_all(kind != "new")
	return result


def _of(doctype: str, group: str) -> dict[str, Any]:
	if doctype == GROUP:
		return {"name": group}
	return {"resource_group": group, **({"day": str(TODAY)} if doctype == SNAPSHOT else {})}


def _plain(row: Any) -> dict[str, Any]:
	fields = (
		{field.fieldname for field in frappe.get_meta(row.doctype or GROUP).fields} if row.doctype else None
	)
	standard = {"name", "creation", "modified", "owner", "modified_by", "docstatus", "idx"}
	return {
		key: value
		for key, value in row.items()
		if key not in standard and not key.startswith("_") and (fields is None or key in fields)
	}


# -------------------------------------------------------------------------------------- reading


@measurement
def usage_reports() -> Result:
	"""The names of the app's reports about usage that there are."""
	reports = frappe.get_all(
		"Report",
		{"module": "MSP Licensing", "report_type": "Script Report", "name": ("like", "Usage%")},
		pluck="name",
		order_by="name",
	)
	return {"reports": reports}


@measurement
def usage_read(what: str, anew: bool = False) -> Result:
	"""One read, after another one that loads what a process loads once.

	Args:
		what: "list": what Frappe's own list of snapshots asks for; "export": a client's month as a FOCUS file; else the
			name of a report, with the filters it has by default.
		anew: as if usage had changed since: nothing that was kept counts.
	"""
	read = {"list": _list, "export": _export}.get(what) or (lambda: _report(what))
	with _noon():
		read()
		if anew:
			revision.changed()
		result: Result = {"rows": frappe.db.count(SNAPSHOT)}
		with measured(result):
			read()
		result["queries"] = _queries(read)
	return result


def _list() -> None:
	from frappe.desk import reportview

	kept = frappe.local.form_dict
	meta = frappe.get_meta(SNAPSHOT)
	fields = ["name", *(field.fieldname for field in meta.fields if field.in_list_view)]
	asked = {
		"doctype": SNAPSHOT,
		"filters": "[]",
		"order_by": f"`tab{SNAPSHOT}`.`{meta.sort_field or 'modified'}` desc",
		"view": "List",
	}
	try:
		frappe.local.form_dict = frappe._dict(
			asked,
			fields=json.dumps([f"`tab{SNAPSHOT}`.`{field}`" for field in fields]),
			start=0,
			page_length=20,
		)
		reportview.get()
		frappe.local.form_dict = frappe._dict(asked, fields="[]", distinct="false", limit=1001)
		reportview.get_count()
	finally:
		frappe.local.form_dict = kept


def _export() -> None:
	from msp_licensing.desk import focus

	own_companies_are = patch.object(own_companies, "known_ids", lambda: [_id("company", 0)])
	with own_companies_are:
		answer = focus.export("2027-03-01", "2027-03-31", demo.site_client_doctype(), f"{site.CLIENT} 00")
	if answer.headers["X-Focus-Rows"] == "0":
		raise SystemExit("The export is empty.")


def _report(name: str) -> None:
	from frappe.desk.query_report import run

	kept = frappe.local.form_dict
	try:
		# What the screen asks for: a file has more rows.
		frappe.local.form_dict = frappe._dict(cmd="frappe.desk.query_report.run")
		run(name, filters={}, ignore_prepared_report=True)
	finally:
		frappe.local.form_dict = kept


def _queries(read: Callable[[], None]) -> int:
	"""How many statements a read makes."""
	counted, sql = [], frappe.db.sql

	def count(*args: Any, **kwargs: Any) -> Any:
		counted.append(1)
		return sql(*args, **kwargs)

	with patch.object(frappe.db, "sql", count):
		read()
	return len(counted)


# -------------------------------------------------------------------------------------- calls


@measurement
def usage_calls() -> Result:
	"""A sync of usage and lines from the stand-in Pax8, of everything as if it were billed by usage."""
	frappe.db.set_single_value("Pax8 Settings", "usage_line_days", lines.DEFAULT_DAYS)
	frappe.db.sql("update `tabPax8 Product` set usage_class = 'Usage', usage_class_set_by_staff = 1")
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	frappe.clear_document_cache("Pax8 Settings", "Pax8 Settings")
	now = datetime(2027, 3, 14, 12, 0)
	with patch.object(clock, "utc_now", lambda: now):
		products = scope.Products()
		read = [
			row.name
			for row in frappe.get_all(
				SUBSCRIPTION, {"vanished": 0}, ["name", "product", "billing_term", "end_date"], limit=0
			)
			if products.is_usage(row.product, row.billing_term)
			and scope._may_have_usage(row.end_date, now.date().replace(day=1))
		]
		result: Result = {}
		with measured(result):
			counters = _run("Usage")
	groups = frappe.get_all(GROUP, ["subscription_id"], limit=0)
	of_each: dict[str, int] = dict.fromkeys(read, 0)
	for row in groups:
		of_each[row.subscription_id] += 1
	result["rows"] = counters["rows_read"]
	result["fewest"] = {
		"findSubscriptionUsageSummaries": sum(map(fewest_pages, of_each.values())),
		# Pax8 gives the lines of one summary and day a call.
		"findUsageLines": len(groups) * lines.DEFAULT_DAYS,
	}
	return result
