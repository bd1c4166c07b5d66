"""What is measured, one function each; every one of them runs in a fresh process.

A measurement gives `rows`, `seconds` (wall), `cpu` (processor seconds of this process, all threads), `work` (`cpu` and
what the database server used meanwhile) and the peaks of resident memory in bytes at the start and at the end,
`memory_before` and `memory`. What is prepared is prepared before the
clock starts, and is then left out of the garbage collector's rounds, as it would not be there in a real run.
"""

import gc
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import frappe

from benchmarks import one_by_one, site
from benchmarks.replay import Replay, collect, load
from msp_licensing.sync import connection, jobs, prices, products, subscriptions
from msp_licensing.sync.mirror import Mirror, fitting

Result = dict[str, Any]
MEASUREMENTS: dict[str, Callable[..., Result]] = {}

SUBSCRIPTION, CHANGE = "Pax8 Subscription", "Pax8 Subscription Change"
PRODUCT, PRICE = "Pax8 Product", "Pax8 Product Price"
STATEMENT_ROWS = 500
"""Rows a statement and a commit, of the bare upsert; as the sync has it."""


def measurement(function: Callable[..., Result]) -> Callable[..., Result]:
	MEASUREMENTS[function.__name__] = function
	return function


@contextmanager
def measured(result: Result) -> Iterator[None]:
	gc.collect()
	gc.freeze()
	result["memory_before"] = _peak()
	server = site.server_cpu()
	wall, cpu = time.perf_counter(), time.process_time()
	yield
	result["seconds"] = time.perf_counter() - wall
	result["cpu"] = time.process_time() - cpu
	result["memory"] = _peak()
	result["work"] = result["cpu"] + site.server_cpu() - server


def _peak() -> int:
	return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _run(kind: str, pax8: Any = None) -> Result:
	"""Carries out a sync as the scheduler would; what its record says."""
	name = jobs.run(kind, trigger="Manual", pax8=pax8)
	record = frappe.get_doc("Pax8 Sync Run", name)
	if record.status != "Completed":
		raise SystemExit(f"The sync of {kind} is {record.status}: {record.error}")
	return {counter: record.get(counter) for counter in (*jobs.Run.COUNTERS, "calls")}


# -------------------------------------------------------------------------------------- making things ready


@measurement
def prepare(url: str) -> Result:
	"""A site with all companies mapped, the catalogue without prices, and no subscriptions."""
	site.connect_to(url, 0)
	site.empty(*site.MIRRORED, CHANGE, "Pax8 Sync Run")
	_run("Companies")
	site.map_all_companies()
	_catalogue()
	return {"rows": frappe.db.count("Pax8 Company") + frappe.db.count(PRODUCT)}


def _catalogue(pax8: Any = None) -> None:
	with patch.object(prices, "due", list):
		_run("Products", pax8)


@measurement
def store_records(path: str, with_prices: bool) -> Result:
	with connection.client() as pax8:
		collect(pax8, path, with_prices=with_prices)
	return {}


@measurement
def show_all_products() -> Result:
	"""Visible products are priced every day: all of them are due then."""
	frappe.db.sql("update `tabPax8 Product` set visible = 1, priced_on = null, price_fingerprint = null")
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	return {"rows": frappe.db.count(PRODUCT)}


@measurement
def tidy() -> Result:
	one_by_one.remove_plain_copies()
	site.empty(*site.MIRRORED, CHANGE, "Pax8 Sync Run")
	return {}


@measurement
def versions() -> Result:
	return {
		"Frappe": frappe.__version__,
		"MariaDB": frappe.db.sql("select version()")[0][0],
		**{
			# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
			name: frappe.db.sql(f"select @@{name}")[0][0]
			for name in ("innodb_flush_log_at_trx_commit", "innodb_doublewrite", "innodb_buffer_pool_size")
		},
	}


# ------------------------------------------------------------------------------------------- whole syncs


@measurement
def walk(calls_per_minute: int = 0) -> Result:
	"""Fetching and parsing alone."""
	site.allow(calls_per_minute)
	result: Result = {"rows": 0}
	with connection.client() as pax8:
		for _company in pax8.companies():
			pass
		with measured(result):
			for _subscription in pax8.subscriptions():
				result["rows"] += 1
	return result


@measurement
def sync(kind: str, calls_per_minute: int = 0, empty: bool = False) -> Result:
	"""A sync from Pax8, with everything: lock, record, fetching, parsing, comparing, writing.

	Without a limit it comes after a sync of the companies, which loads what a process loads once.
	"""
	site.allow(calls_per_minute)
	if empty:
		site.empty(SUBSCRIPTION, CHANGE)
	if not calls_per_minute:
		_run("Companies")
	result: Result = {}
	touched, before = site.rows_touched(), site.checksums()
	with measured(result):
		counters = _run(kind)
	result.update(counters, rows=counters["rows_read"], touched=site.rows_touched() - touched)
	result["changed_tables"] = [name for name, value in site.checksums().items() if value != before[name]]
	return result


@measurement
def map_of_fingerprints() -> Result:
	"""What a sync keeps in memory of each stored row."""
	result: Result = {"rows": frappe.db.count(SUBSCRIPTION)}
	with measured(result):
		mirror = Mirror(SUBSCRIPTION, SimpleNamespace(**dict.fromkeys(jobs.Run.COUNTERS, 0)))
	del mirror
	return result


# ---------------------------------------------------------------------------------------- writing alone


# How stored rows are made to differ from what Pax8 says, by what is then written.
DIFFERENCES = {
	# A field whose changes nobody wants to read about.
	"changed": "pax8_updated_on = coalesce(pax8_updated_on, now()) - interval 1 day",
	# A wave of prices: each row also gets an entry that says what changed.
	"recorded": "partner_cost = partner_cost + 1, has_partner_cost = 1",
}


def _fill(records: dict[str, Any], kind: str) -> None:
	"""No subscriptions ("new"), or all of them with one thing different. Also warms the process up."""
	site.empty(SUBSCRIPTION, CHANGE)
	_run("Subscriptions", Replay({"subscriptions": records["subscriptions"][:200]}))
	site.empty(SUBSCRIPTION, CHANGE)
	if kind != "new":
		_run("Subscriptions", Replay(records))
		# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
		frappe.db.sql(f"update `tabPax8 Subscription` set fingerprint = null, {DIFFERENCES[kind]}")
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit


@measurement
def ours(path: str, kind: str) -> Result:
	"""A sync of subscriptions that have been fetched and parsed; all are new, or all have changed."""
	records = load(path)
	_fill(records, kind)
	result: Result = {"rows": len(records["subscriptions"])}
	with measured(result):
		counters = _run("Subscriptions", Replay(records))
	result["entries"] = frappe.db.count(CHANGE)
	if counters["rows_new" if kind == "new" else "rows_changed"] != result["rows"]:
		raise SystemExit(f"Not every row was written: {counters}")
	if result["entries"] != (result["rows"] if kind == "recorded" else 0):
		raise SystemExit(f"{result['entries']} changes were recorded.")
	return result


@measurement
def bare(path: str, kind: str, text: bool) -> Result:
	"""Multi-row upserts of the very same rows through the database driver, and nothing else.

	Args:
		text: the statements are made beforehand too, so that only the database server's work is left.
	"""
	records = load(path)
	_fill(records, "new")
	_run("Subscriptions", Replay(records))
	written = {
		*("name", "creation", "modified", "owner", "modified_by", "pax8_id", "fingerprint"),
		*("client_doctype", "client"),
		*subscriptions.row_of(records["subscriptions"][0], ""),
	}
	batches = _batches(SUBSCRIPTION, written, kept=("name", "creation", "owner", "client_doctype", "client"))
	_fill(records, kind)
	del records
	return _upsert(batches, text=text)


def _batches(
	doctype: str, written: set[str], kept: tuple[str, ...], where: str = ""
) -> list[tuple[str, list[Any]]]:
	"""Statements and parameters that write what the table holds now."""
	names = [name for name in site.columns(doctype) if name in written]
	quoted = ", ".join(f"`{name}`" for name in names)
	# nosemgrep: frappe-sql-format-injection - names come from this code, values are parameters
	rows = frappe.db.sql(
		f"select {quoted} from `tab{doctype}` where {where or 'true'} order by creation, name"
	)
	group = "(" + ", ".join(["%s"] * len(names)) + ")"
	updates = ", ".join(f"`{name}` = values(`{name}`)" for name in names if name not in kept)
	made = []
	for start in range(0, len(rows), STATEMENT_ROWS):
		part = rows[start : start + STATEMENT_ROWS]
		statement = (
			f"insert into `tab{doctype}` ({quoted}) values {', '.join([group] * len(part))}"
			f" on duplicate key update {updates}"
		)
		# Frappe reads decimals as floats; the sync writes decimals.
		made.append(
			(
				statement,
				[
					Decimal(repr(value)) if isinstance(value, float) else value
					for row in part
					for value in row
				],
			)
		)
	return made


def _upsert(batches: list[tuple[str, list[Any]]], *, text: bool) -> Result:
	database = frappe.db._conn
	with database.cursor() as cursor:
		rows = sum(statement.count("(%s") for statement, _values in batches)
		if text:
			batches = [(cursor.mogrify(statement, values), []) for statement, values in batches]
		result: Result = {"rows": rows}
		with measured(result):
			for statement, values in batches:
				cursor.execute(statement, values or None)
				database.commit()
	return result


@measurement
def saves(path: str, kind: str, sample: int) -> Result:
	"""`frappe.get_doc(...).save()` of the same values, made ready as dicts, committed once at the end.

	Where our sync records changes, Frappe does too: with versions.
	"""
	records = load(path)
	doctype = one_by_one.plain_copy(SUBSCRIPTION, versions=kind == "recorded")
	fit = fitting(SUBSCRIPTION)
	client = {"client_doctype": site.demo.site_client_doctype(), "client": site.CLIENT}
	rows = [
		{"pax8_id": record.id, **client, **fit(subscriptions.row_of(record, "Some Vendor"))}
		for record in records["subscriptions"][:sample]
	]
	del records
	site.empty(doctype)

	def save_all(existing: bool) -> None:
		for row in rows:
			doc = frappe.get_doc(doctype, row["pax8_id"]) if existing else frappe.new_doc(doctype)
			doc.update(row)
			doc.save(ignore_permissions=True)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit

	if kind == "new":
		_warm(doctype, rows[0])
	else:
		save_all(False)
		for row in rows:
			row["pax8_updated_on"] = frappe.utils.now_datetime()
			if kind == "recorded":
				row["partner_cost"] += 1
	result: Result = {"rows": len(rows)}
	with measured(result):
		save_all(kind != "new")
	return result


def _warm(doctype: str, row: dict[str, Any]) -> None:
	"""The first document of a process loads what all others find in memory."""
	frappe.new_doc(doctype).update(row).save(ignore_permissions=True)
	frappe.db.rollback()


# ------------------------------------------------------------------------------------------------ prices


@measurement
def ours_prices(path: str) -> Result:
	"""Prices and commitment options of all products, fetched and parsed beforehand."""
	replay = Replay(load(path))
	_unpriced(replay)
	result: Result = {}
	with measured(result):
		_run("Products", replay)
	return {**result, "rows": frappe.db.count(PRODUCT) + frappe.db.count(PRICE)}


def _unpriced(replay: Replay) -> None:
	site.empty(PRODUCT, PRICE)
	_catalogue(replay)
	show_all_products()


@measurement
def bare_prices(path: str, text: bool) -> Result:
	"""Upserts of the same columns of products and the same price rows."""
	replay = Replay(load(path))
	_unpriced(replay)
	_run("Products", replay)
	standard = {"name", "creation", "modified", "owner", "modified_by"}
	price_columns = {
		*("priced_on", "usage_class", "usage_class_reasons", "currency", "retail_price_from"),
		*("has_retail_price", "commitment_options", "price_fingerprint"),
	}
	batches = [
		*_batches(PRODUCT, standard | price_columns, kept=("name", "creation", "owner")),
		*_batches(PRICE, set(site.columns(PRICE)), kept=("name", "creation", "owner")),
	]
	_unpriced(replay)
	return _upsert(batches, text=text)


@measurement
def saves_prices(path: str, sample: int) -> Result:
	"""The same prices as rows of a child table, one `save` a product."""
	records = load(path)
	doctype = one_by_one.plain_copy(PRODUCT, children={PRICE: one_by_one.plain_copy(PRICE)})
	site.empty(doctype, one_by_one.plain_name(PRICE))
	ready = []
	for product in [p for p in records["products"] if records["pricing"][p.id]][:sample]:
		frappe.get_doc({"doctype": doctype, "pax8_id": product.id, **products.row_of(product)}).insert(
			ignore_permissions=True
		)
		plans = records["pricing"][product.id]
		ready.append(
			(product.id, [prices._price_row(plan, rate, "USD") for plan in plans for rate in plan.rates])
		)
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	result: Result = {"rows": sum(1 + len(rows) for _name, rows in ready)}
	with measured(result):
		for name, rows in ready:
			doc = frappe.get_doc(doctype, name)
			doc.update({"priced_on": frappe.utils.now_datetime(), "usage_class": "Seat"})
			doc.set("prices", rows)
			doc.save(ignore_permissions=True)
		frappe.db.commit()  # nosemgrep: frappe-manual-commit - a command, and no request that Frappe would commit
	return result


# --------------------------------------------------------------------------------------- as others do it


@measurement
def others(rows: int, again: bool) -> Result:
	"""The same sync of the first `rows` subscriptions as connectors commonly do it; `again`: all are there already."""
	doctype = one_by_one.plain_copy(SUBSCRIPTION)
	if not again:
		site.empty(doctype)
	result: Result = {}
	with measured(result):
		result["rows"] = one_by_one.sync(doctype, most=rows)
	return result
