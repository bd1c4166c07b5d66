"""Syncs under fire: whatever Pax8 or the line does, what is stored is right, or old and said to be old.

After each fault one of two holds. Either the run says Completed and all is as a run without the fault leaves it. Or it says
Incomplete or Failed, and why; then nothing is concluded from what did not come: nothing is marked as vanished, and each
row has its old values or its right new ones. Staff's columns stay in either case, and the next run repairs everything.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faulty import (
	DOCTYPES,
	LISTS,
	STAFF,
	begin,
	change_the_world,
	differences,
	look,
	put_back,
	raw,
	sync,
)

from msp_licensing.sandbox import storybook

KINDS = tuple(DOCTYPES)
VANISHED = {"Pax8 Company": "vanished", "Pax8 Subscription": "vanished", "Pax8 Product": "discontinued"}
# How many random troubles are tried of each sort.
EXAMPLES = int(os.environ.get("MSP_LICENSING_EXAMPLES") or 4)
TOKENS = [{"method": "DELETE", "path": "/tokens"}]


class Rig:
	"""A synced site and a sandbox that has changed since. Each fault starts from the same state of both."""

	def __init__(self, site: Any, sandbox: Any) -> None:
		self.site, self.sandbox = site, sandbox
		self.failures: list[str] = []
		begin(sandbox)
		# All products have their prices; from then on each run reads those of the owned ones, and of a few others.
		site.db.sql("update `tabPax8 Product` set visible = 1")
		site.db.sql(
			"update `tabPax8 Subscription` set self_service = 'Deny', override_limits = 1, min_quantity = 2 where name = %s",
			storybook.CEDAR_KEEPER,
		)
		site.db.commit()
		for kind in KINDS:
			assert sync(site, sandbox, kind).status == "Completed"
		site.db.sql("update `tabPax8 Product` set visible = name = %s", storybook.KEEPER_BUSINESS)
		site.db.commit()
		self._tables = raw(site)
		self.before = look(site)
		self._right: dict[str, Any] = {}

	def right(self, kind: str) -> Any:
		"""What a run of `kind` without faults leaves."""
		if kind not in self._right:
			self.start()
			assert sync(self.site, self.sandbox, kind).status == "Completed"
			self._right[kind] = look(self.site)
			assert self._right[kind] != self.before, "there is something to do"
		return self._right[kind]

	def start(self) -> None:
		begin(self.sandbox)
		change_the_world(self.sandbox)
		put_back(self.site, self._tables)

	@contextmanager
	def case(self, name: str) -> Iterator[None]:
		"""Collects what is wrong in one of many cases, so that one test tells all of them."""
		try:
			yield
		except Exception as error:
			self.failures.append(f"{name}: {type(error).__name__}: {str(error)[:1500]}")

	def end(self) -> None:
		assert not self.failures, f"{len(self.failures)} failed\n\n" + "\n\n".join(self.failures)

	def run(self, kind: str, *orders: dict[str, Any], **options: Any) -> Any:
		"""Runs `kind` under the faults ordered, checks what holds under any fault, and that the next run repairs it.

		Returns the record of the faulty run, with what it left as `stored`.
		"""
		right = self.right(kind)
		self.start()
		for order in orders:
			self.sandbox.faults.add(**order)
		run = sync(self.site, self.sandbox, kind, **options)
		orders_now = self.sandbox.faults.list()
		assert all(order["hits"] for order in orders_now), f"a fault was never met: {orders_now}"
		assert not any(order["problem"] for order in orders_now), orders_now
		self.sandbox.faults.clear()
		run.stored = look(self.site)
		self._check(kind, run, right)
		repair = sync(self.site, self.sandbox, kind)
		assert repair.status == "Completed", f"the next run: {repair.status}: {repair.error}"
		found = differences(look(self.site), right)
		assert not found, f"the next run did not repair: {found}"
		return run

	def _check(self, kind: str, run: Any, right: Any) -> None:
		stored = run.stored
		for table, columns in STAFF.items():
			for name, row in self.before[table].items():
				now = stored[table].get(name)
				assert now, f"{table} {name} is gone"
				for column in columns:
					assert now[column] == row[column], f"staff's {column} of {table} {name} was overwritten"
		if run.status == "Completed":
			assert not run.error
			found = differences(stored, right)
			assert not found, f"Completed, but not as without the fault: {found}"
			return
		assert run.status in ("Incomplete", "Failed"), run.status
		assert (run.error or "").strip() and "Traceback" not in run.error, "no word on what is wrong"
		assert len(run.error) < 20_000
		for table, mark in VANISHED.items():
			for name, row in stored[table].items():
				old = self.before[table].get(name)
				if not run.reached_end and row[mark]:
					assert old and old[mark], (
						f"{table} {name} vanished from a walk that did not reach its end"
					)

	def old_or_right(self, kind: str, run: Any) -> None:
		"""Each stored row has its old values or its right new ones."""
		right = self._right[kind]
		for table in (*VANISHED, "Pax8 Product Price"):
			for name, row in run.stored[table].items():
				known = [rows[table][name] for rows in (self.before, right) if name in rows[table]]
				if table == "Pax8 Product" and name not in self.before[table]:
					# A new product has its prices later than itself.
					row, *known = [without_prices(one) for one in (row, *known)]
				assert row in known, f"{table} {name} is neither as before nor as it should be: {row}"


FROM_PRICES = {
	"currency",
	"retail_price_from",
	"has_retail_price",
	"commitment_options",
	"usage_class",
	"usage_class_reasons",
}


def without_prices(row: dict[str, Any]) -> dict[str, Any]:
	return {column: value for column, value in row.items() if column not in FROM_PRICES}


@pytest.fixture
def rig(site, sandbox) -> Rig:
	return Rig(site, sandbox)


def stopped(run: Any, *words: str) -> None:
	assert run.status in ("Incomplete", "Failed"), f"{run.status} although nothing could be read"
	assert not run.reached_end
	assert run.trouble
	for word in words:
		assert word.casefold() in run.error.casefold(), f"{word!r} is not in {run.error!r}"


# -------------------------------------------------------------------------------------------------- the line

# name: (order, what a run says if it never ends)
LINE: dict[str, tuple[dict[str, Any], str]] = {
	"408": ({"kind": "status", "status": 408}, "408"),
	"429 without Retry-After": ({"kind": "status", "status": 429}, "429"),
	"429 with Retry-After": ({"kind": "status", "status": 429, "headers": {"Retry-After": "7"}}, "slow down"),
	"500": ({"kind": "status", "status": 500}, "500"),
	"502, a web page": ({"kind": "html"}, "502 Bad Gateway"),
	"503, empty": ({"kind": "status", "status": 503, "body": ""}, "503"),
	"200, a web page": ({"kind": "html", "status": 200}, "not JSON"),
	"closed before": ({"kind": "drop_before"}, "lost"),
	"closed after": ({"kind": "drop_after"}, "lost"),
	"reset before": ({"kind": "reset_before"}, "reset"),
	"reset after": ({"kind": "reset_after"}, "reset"),
	"reset midway": ({"kind": "reset_midway"}, "reset"),
	"truncated": ({"kind": "truncated"}, "lost"),
	"JSON that breaks off": ({"kind": "broken_body"}, "not JSON"),
	"empty": ({"kind": "empty"}, "empty body"),
	"NaN": ({"kind": "broken_body", "body": '{"content": [], "page": {"totalElements": NaN}}'}, "not JSON"),
}
# A 401 for a token that was good a moment ago is answered with a new token, which is no retry.
FINAL = {
	"403": ({"kind": "status", "status": 403}, "403"),
	"404": ({"kind": "status", "status": 404}, "404"),
	"422": ({"kind": "status", "status": 422, "body": {"errors": ["Not like this"]}}, "Not like this"),
	"a redirect": (
		{"kind": "status", "status": 302, "headers": {"Location": "https://login.example"}},
		"redirect",
	),
}


def line(kind: str) -> dict[str, tuple[dict[str, Any], str]]:
	"""All troubles of the line for one kind of sync; the others read Pax8 by the same code, and are tried with some."""
	some = (
		"429 with Retry-After",
		"500",
		"200, a web page",
		"reset midway",
		"truncated",
		"JSON that breaks off",
	)
	return LINE if kind == "Subscriptions" else {name: LINE[name] for name in some}


@pytest.mark.parametrize("kind", KINDS)
def test_a_trouble_of_the_line_that_passes_leaves_no_trace(rig, kind):
	for name, (order, _words) in line(kind).items():
		with rig.case(name):
			run = rig.run(kind, {**order, "operation": LISTS[kind]})
			assert run.status == "Completed", run.error
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_trouble_of_the_line_that_stays_is_told_and_nothing_concluded(rig, kind):
	for name, (order, words) in {**line(kind), **FINAL}.items():
		with rig.case(name):
			run = rig.run(kind, {**order, "operation": LISTS[kind], "count": None}, max_retries=0)
			stopped(run, words)
			assert differences(run.stored, rig.before) == {}
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_trouble_in_the_middle_of_a_walk_concludes_nothing(rig, kind, small_pages):
	for name, (order, words) in {**line("Companies"), **FINAL}.items():
		with rig.case(name):
			order = {**order, "operation": LISTS[kind], "count": None, "query": {"page": "1"}}
			run = rig.run(kind, order, max_retries=0)
			stopped(run, words)
			rig.old_or_right(kind, run)
	rig.end()


@pytest.fixture
def small_pages(monkeypatch) -> int:
	"""Lists of several pages, small as the tests' are: Pax8's own pages hold 200 rows."""
	from msp_licensing.pax8 import walk

	monkeypatch.setattr(walk, "PAGE_SIZE", 4)
	return 4


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_slow_but_comes_is_waited_for(rig, kind):
	for order in ({"kind": "slow", "seconds": 0.3}, {"kind": "trickle", "seconds": 0.3, "piece": 100}):
		with rig.case(str(order)):
			run = rig.run(kind, {**order, "operation": LISTS[kind]})
			assert run.status == "Completed", run.error
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_does_not_come_in_time_is_tried_again_and_then_told(rig, kind, monkeypatch):
	from msp_licensing.pax8 import transport

	late = {"kind": "delay", "operation": LISTS[kind], "seconds": 1.0}
	with rig.case("once too late"):
		assert rig.run(kind, late, timeout=0.4).status == "Completed"
	with rig.case("always too late"):
		stopped(rig.run(kind, {**late, "count": None}, timeout=0.4, max_retries=0), "lost")
	monkeypatch.setattr(transport, "MAX_ANSWER_SECONDS", 0.3)
	drops = {"kind": "trickle", "operation": LISTS[kind], "seconds": 1.5, "piece": 200}
	with rig.case("always a drop, never an end"):
		stopped(rig.run(kind, {**drops, "count": None}, max_retries=0), "longer than")
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_revoked_in_the_middle_is_renewed_once(rig, kind, small_pages):
	revoked = {"kind": "meanwhile", "operation": LISTS[kind], "skip": 1, "calls": TOKENS}
	with rig.case("once"):
		assert rig.run(kind, revoked).status == "Completed"
	with rig.case("at every call"):
		run = rig.run(kind, {**revoked, "skip": 0, "count": None}, concurrency=1)
		stopped(run, "credentials")
		assert differences(run.stored, rig.before) == {}
	with rig.case("and then refused"):
		no_more = {
			"kind": "status",
			"operation": "createAccessToken",
			"status": 401,
			"skip": 1,
			"count": None,
		}
		stopped(rig.run(kind, revoked, {**no_more, "body": {"error": "access_denied"}}), "access_denied")
	rig.end()


def test_a_token_whose_lifetime_makes_no_sense_is_used_all_the_same(rig):
	for value in (0, -3600, 1, 10**15, 1e308, "86400", "soon", None, True, [], {}):
		with rig.case(f"expires_in {value!r}"):
			rewrite = {"name": "set_field", "field": "expires_in", "value": value}
			order = {
				"kind": "rewrite",
				"operation": "createAccessToken",
				"rewrites": [rewrite],
				"count": None,
			}
			run = rig.run("Companies", order)
			assert run.status == "Completed", run.error
	rig.end()


def test_no_usable_token_is_told(rig):
	bodies = (
		None,
		[],
		"words",
		{},
		{"access_token": None},
		{"access_token": 7},
		{"access_token": "two words\n"},
	)
	for value in bodies:
		with rig.case(f"answer {value!r}"):
			order = {"kind": "rewrite", "operation": "createAccessToken", "count": None}
			run = rig.run("Companies", {**order, "rewrites": [{"name": "set_body", "value": value}]})
			stopped(run, "token")
	for name, (order, words) in LINE.items():
		with rig.case(name):
			run = rig.run(
				"Companies", {**order, "operation": "createAccessToken", "count": None}, max_retries=0
			)
			stopped(run, words)
	rig.end()


# ------------------------------------------------------------------------------------------------- the pages

PAGES: dict[str, list[dict[str, Any]]] = {
	"the page shows a later part of the list": [{"name": "shift", "by": 1}],
	"the page shows an earlier part of the list": [{"name": "shift", "by": -1}],
	"a row comes twice": [{"name": "duplicate_rows"}],
	"a row comes in place of another": [{"name": "duplicate_rows", "in_place": True}],
	"a row is left out": [{"name": "leave_out_rows"}],
	"all rows are left out": [{"name": "leave_out_rows", "rows": "all"}],
	"the total is too high": [{"name": "totals", "totalElements": {"add": 3}}],
	"the total is too low": [{"name": "totals", "totalElements": {"add": -3}}],
	"the total is nothing": [{"name": "totals", "totalElements": {"value": 0}}],
	"the total is missing": [{"name": "totals", "totalElements": {"absent": True}}],
	"the total is negative": [{"name": "totals", "totalElements": {"value": -1}}],
	"the total is a word": [{"name": "totals", "totalElements": {"value": "many"}}],
	"the total is beyond all": [{"name": "totals", "totalElements": {"value": 10**30}}],
	"more pages than there are": [{"name": "totals", "totalPages": {"add": 3}}],
	"fewer pages than there are": [{"name": "totals", "totalPages": {"add": -1}}],
	"a million pages": [{"name": "totals", "totalPages": {"value": 1_000_000}}],
	"no number of pages": [{"name": "totals", "totalPages": {"absent": True}}],
	"totals as text": [
		{"name": "totals", "totalElements": {"as_text": True}, "totalPages": {"as_text": True}}
	],
	"another page than asked for": [{"name": "totals", "number": {"add": 1}}],
	"no page object": [{"name": "set_body", "path": "page", "value": None}],
	"no content": [{"name": "set_body", "path": "content", "value": None}],
	"content of another kind": [{"name": "set_body", "path": "content", "value": {"rows": []}}],
	"rows that are none": [{"name": "set_body", "path": "content.0", "value": "row"}],
	"a bare list": [{"name": "set_body", "value": []}],
	"null": [{"name": "set_body", "value": None}],
	"a row without id": [{"name": "null_field", "field": "id"}],
	"an empty id": [{"name": "set_field", "field": "id", "value": " "}],
	"an id that is a list": [{"name": "set_field", "field": "id", "value": ["7"]}],
	"an id of ten megabytes": [{"name": "huge_text", "field": "id"}],
	"combined": [
		{"name": "shift", "by": 2},
		{"name": "totals", "totalElements": {"as_text": True}},
		{"name": "duplicate_rows"},
	],
}


# The others are walked by the same code as the subscriptions.
PAGES_OF_OTHERS = (
	"the page shows a later part of the list",
	"a row comes in place of another",
	"a row is left out",
	"the total is too low",
	"fewer pages than there are",
	"a row without id",
	"combined",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("how_long", "page"), [("once", "0"), ("always", "1")])
def test_pages_that_cannot_be_trusted(rig, kind, how_long, page, small_pages):
	for name, rewrites in PAGES.items():
		if kind != "Subscriptions" and name not in PAGES_OF_OTHERS:
			continue
		with rig.case(name):
			order = {
				"kind": "rewrite",
				"operation": LISTS[kind],
				"query": {"page": page},
				"rewrites": rewrites,
			}
			run = rig.run(kind, {**order, "count": 1 if how_long == "once" else None})
			rig.old_or_right(kind, run)
	rig.end()


def test_totals_that_change_from_page_to_page_are_not_believed(rig, small_pages):
	for kind in KINDS:
		with rig.case(kind):
			jitter = {"name": "totals", "totalElements": {"jitter": 2}}
			order = {"kind": "rewrite", "operation": LISTS[kind], "rewrites": [jitter], "count": None}
			run = rig.run(kind, order)
			stopped(run, "completely")
			rig.old_or_right(kind, run)
	rig.end()


@pytest.mark.parametrize("concurrency", [1, 4])
def test_rows_that_slip_over_the_edge_of_a_page_are_found_or_missed_aloud(
	rig, site, sandbox, small_pages, concurrency
):
	"""For real: somebody takes rows out while the list is walked, and the pages behind them move up."""
	for gone in (1, 2):
		for table, kind in (
			("subscriptions", "Subscriptions"),
			("companies", "Companies"),
			("products", "Products"),
		):
			with rig.case(f"{kind}, {gone} gone"):
				rig.start()
				with sandbox.app.lock:
					# Not the first, which has changed: whether that is seen before it goes is a matter of luck.
					rows = [row.id for row in getattr(sandbox.world, table).order[1 : 1 + gone]]
				calls = [{"method": "DELETE", "path": f"/{table}/{name}"} for name in rows]
				order = sandbox.faults.add("meanwhile", LISTS[kind], query={"page": "1"}, calls=calls)
				run = sync(site, sandbox, kind, concurrency=concurrency)
				assert order.hits == 1 and not order.problem
				after, status = look(site), run.status
				assert sync(site, sandbox, kind).status == "Completed"
				if status == "Completed":
					# What went while it was looked at may be found to be gone the next time.
					late = {f"{DOCTYPES[kind]} {name} {VANISHED[DOCTYPES[kind]]}" for name in rows}
					found = differences(after, look(site))
					assert set(found) <= late, f"Completed, and the next run found more: {found}"
				from_scratch = look(site)
				put_back(site, rig._tables)
				assert sync(site, sandbox, kind).status == "Completed"
				assert not differences(from_scratch, look(site))
	rig.end()


# -------------------------------------------------------------------------------------------------- the rows

HUGE = {"name": "huge_text"}
REFUSED, TAKEN = "refused", "taken"

# kind: the row that meets it, and then field: values that make the row refused, values that are taken.
VALUES: dict[str, tuple[str, dict[str, tuple[list[Any], dict[Any, tuple[str, Any]]]]]] = {
	"Subscriptions": (
		storybook.CEDAR_KEEPER,
		{
			"quantity": (
				[None, "seven", [7], {"n": 7}, True, 7.5, 2**31, 2**63, 10**15, 1e300],
				{"7": ("quantity", 7), 7.0: ("quantity", 7)},
			),
			"companyId": ([None, {"id": 1}, [1], "x" * 500], {}),
			"productId": ([None, {"id": 1}, "x" * 500], {}),
			"status": ([["Active"], {"is": "Active"}, True], {"Hibernating": ("status", "Hibernating")}),
			"billingTerm": ([["Monthly"], False], {"Per Moon": ("billing_term", "Per Moon")}),
			"startDate": (["soon", 20250101, ["2025-01-01"], "2025-13-01", "0000-00-00", "99999-01-01"], {}),
			"updatedDate": (["soon", True], {}),
			"endDate": (["soon"], {"9999-12-31T23:59:59.999-0600": ("end_date", "9999-12-31")}),
			"billingStart": (["soon", 7], {}),
			"price": (["dear", "1e400", 1e300, True, [1]], {"12.5": ("price", 12.5), 0: ("price", 0)}),
			"partnerCost": (["dear", 10**17], {}),
			"currencyCode": ([["USD"], "US-Dollars of America"], {"usd": ("currency", "USD")}),
			"commitmentTerm": ([7, [7]], {}),
			"productName": ([["Keeper"], True], {}),
		},
	),
	"Companies": (
		storybook.BLUE_HARBOR_DENTAL,
		{
			"name": (
				[None, "", "  ", ["Blue"], {"is": "Blue"}, True],
				{"株式会社": ("company_name", "株式会社")},
			),
			"address": (["Main Street", 7, [7]], {None: ("street", None)}),
			"address.country": ([["US"]], {"United States": ("country", "United States")}),
			"status": ([["Active"]], {"Hibernating": ("status", "Hibernating")}),
			"updatedDate": (["soon", 7], {}),
			"selfServiceAllowed": (["perhaps", [True]], {"true": ("self_service_allowed", 1)}),
			"phone": ([{"number": 7}], {}),
			"externalId": ([[7], {"x": 7}], {7: ("external_id", "7")}),
		},
	),
	"Products": (
		storybook.KEEPER_BUSINESS,
		{
			"name": ([None, "", ["Keeper"], True], {"Kéeper ☃": ("product_name", "Kéeper ☃")}),
			"vendorName": ([["Keeper"], {"is": "Keeper"}], {"New Owner": ("vendor", "New Owner")}),
			"shortDescription": ([["Keeper"]], {None: ("short_description", None)}),
			"requiresCommitment": (["perhaps", [True]], {"false": ("requires_commitment", 0)}),
			"sku": ([{"sku": 7}], {7: ("sku", "7")}),
		},
	),
}


def one_value(kind: str, field: str, value: Any) -> dict[str, Any]:
	row = {"name": "set_field", "id": VALUES[kind][0], "field": field, "value": value}
	return {"kind": "rewrite", "operation": LISTS[kind], "rewrites": [row], "count": None}


def refused(rig: Rig, kind: str, run: Any, name: str) -> None:
	"""The row was left alone and reported; all others are as they should be."""
	assert (run.status, run.rows_refused) == ("Incomplete", 1), (
		f"{run.status}, {run.rows_refused} refused: {run.error}"
	)
	assert run.reached_end, "one row that cannot be understood is no reason to stop"
	assert name in run.error, f"which row? {run.error}"
	found = {key: pair for key, pair in differences(run.stored, rig._right[kind]).items() if name not in key}
	assert not found, f"other rows than the refused one: {found}"
	table = DOCTYPES[kind]
	assert run.stored[table][name] == rig.before[table][name], "the refused row has changed"


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_with_a_value_that_cannot_be_is_refused_alone(rig, kind):
	row, fields = VALUES[kind]
	for field, (impossible, _possible) in fields.items():
		for value in impossible:
			with rig.case(f"{field} = {str(value)[:60]!r}"):
				refused(rig, kind, rig.run(kind, one_value(kind, field, value)), row)
	rig.end()


def test_the_end_of_a_commitment_that_cannot_be_read_is_not_taken_for_none(rig):
	"""With no end stored, a decrease would be let through."""
	row = storybook.CEDAR_BUSINESS_PREMIUM
	for value in ("soon", 7, "2026-02-30", ["2026-01-01"]):
		with rig.case(str(value)):
			rewrite = {"name": "set_field", "id": row, "field": "commitmentTerm.endDate", "value": value}
			order = {
				"kind": "rewrite",
				"operation": LISTS["Subscriptions"],
				"rewrites": [rewrite],
				"count": None,
			}
			refused(rig, "Subscriptions", rig.run("Subscriptions", order), row)
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_ten_megabytes_in_a_field_are_refused_and_harm_no_other_row(rig, kind):
	row = VALUES[kind][0]
	texts = {"Subscriptions": "productName", "Companies": "website", "Products": "shortDescription"}
	for field in (texts[kind], "status" if kind == "Subscriptions" else "name"):
		with rig.case(field):
			rewrite = {"name": "huge_text", "id": row, "field": field}
			order = {"kind": "rewrite", "operation": LISTS[kind], "rewrites": [rewrite], "count": None}
			refused(rig, kind, rig.run(kind, order), row)
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
def test_what_pax8_may_say_is_taken_also_in_other_words(rig, site, sandbox, kind):
	row, fields = VALUES[kind]
	for field, (_impossible, possible) in fields.items():
		for value, (column, expected) in possible.items():
			with rig.case(f"{field} = {value!r}"):
				right = rig.right(kind)
				rig.start()
				sandbox.faults.add(**one_value(kind, field, value))
				run = sync(site, sandbox, kind)
				assert run.status == "Completed", run.error
				stored = look(site)[DOCTYPES[kind]][row]
				assert (stored[column] if expected is None else type(expected)(stored[column])) == expected
				sandbox.faults.clear()
				assert sync(site, sandbox, kind).status == "Completed"
				assert not differences(look(site), right)
	rig.end()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
	"text", ["half a pair \ud83d of surrogates", "a \x00 in it", "\U0001f4a9", "' or 1=1; --", "%s %(x)s"]
)
def test_texts_that_databases_dislike_are_stored_or_refused_and_stop_nothing(rig, kind, text):
	row = VALUES[kind][0]
	field = "productName" if kind == "Subscriptions" else "name"
	column = {"Subscriptions": "product_name", "Companies": "company_name", "Products": "product_name"}[kind]
	rig.right(kind)
	rig.start()
	rig.sandbox.faults.add(
		"broken_body",
		LISTS[kind],
		count=None,
		body=body_with(rig.sandbox, kind, row, field, text),
	)
	run = sync(rig.site, rig.sandbox, kind)
	assert run.reached_end, run.error
	stored = look(rig.site)[DOCTYPES[kind]][row][column]
	if run.status == "Incomplete":
		assert row in run.error and stored == rig.before[DOCTYPES[kind]][row][column]
	else:
		assert stored == text.encode("utf-8", "replace").decode()
	rig.sandbox.faults.clear()
	assert sync(rig.site, rig.sandbox, kind).status == "Completed"
	assert not differences(look(rig.site), rig.right(kind))


def body_with(sandbox: Any, kind: str, row: str, field: str, text: str) -> str:
	"""A whole list with one text in it, as JSON in ASCII: halves of surrogate pairs can only be sent escaped."""
	import json

	import httpx

	path = {"Subscriptions": "subscriptions", "Companies": "companies", "Products": "products"}[kind]
	answer = httpx.get(f"{sandbox.url}/{path}?size=200", headers=sandbox.authorization()).json()
	(found,) = [record for record in answer["content"] if record["id"] == row]
	found[field] = text
	return json.dumps(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_random_nulls_and_types_never_stop_a_run_nor_leave_a_trace(rig, site, sandbox, kind):
	"""Whatever field of whatever row: the run ends by itself, and the next one repairs."""
	for seed in range(EXAMPLES // (2 if kind == "Products" else 1)):
		for name in ("null_field", "wrong_type", "remove_field", "unknown_word"):
			with rig.case(f"{name}, seed {seed}"):
				right = rig.right(kind)
				rig.start()
				order = {"rewrites": [{"name": name, "rows": 2}], "seed": seed, "count": None}
				sandbox.faults.add("rewrite", LISTS[kind], **order)
				run = sync(site, sandbox, kind)
				assert run.status in ("Completed", "Incomplete") and run.reached_end, run.error
				assert run.status == "Completed" or run.rows_refused in (1, 2)
				sandbox.faults.clear()
				assert sync(site, sandbox, kind).status == "Completed"
				assert not differences(look(site), right)
	rig.end()


# ---------------------------------------------------------------------------------------------- other calls


PRICES: dict[str, dict[str, Any]] = {
	**{name: LINE[name][0] for name in ("429 with Retry-After", "500", "reset after", "truncated", "empty")},
	**{name: FINAL[name][0] for name in ("403", "422")},
	**{
		f"{path} = {str(value)[:40]!r}": {
			"kind": "rewrite",
			"rewrites": [{"name": "set_body", "path": path, "value": value}],
		}
		for path, value in (
			("content", None),
			("content", {"rows": []}),
			("content.0", "plan"),
			("content.0.rates", "dear"),
			("content.0.rates.0", 7),
			("content.0.rates.0.suggestedRetailPrice", "dear"),
			("content.0.rates.0.suggestedRetailPrice", 1e300),
			("content.0.rates.0.partnerBuyRate", 10**14),
			("content.0.rates.0.startQuantityRange", 2**40),
			("content.0.rates.0.startQuantityRange", "one"),
			("content.0.billingTerm", ["Monthly"]),
			("content.0.unitOfMeasurement", "x" * 100_000),
			("content.0.commitmentTermInMonths", 2**40),
		)
	},
}


def test_prices_of_one_product_that_cannot_be_read_stay_as_they_were_and_the_others_go_on(rig):
	product = storybook.EXCLAIMER_PRO
	rig.right("Products")
	for name, order in PRICES.items():
		with rig.case(name):
			path = f"/products/{product}/pricing"
			order = {**order, "operation": "findPricingByProductId", "path": path, "count": None}
			run = rig.run("Products", order, max_retries=0)
			assert run.status == "Incomplete" and run.reached_end, f"{run.status}: {run.error}"
			assert product in run.error, run.error
			for table in ("Pax8 Product", "Pax8 Product Price"):
				for key, row in run.stored[table].items():
					source = rig.before if key.startswith(product) else rig._right["Products"]
					wanted = source[table].get(key)
					assert row == wanted, f"{table} {key}: {row} instead of {wanted}"
	rig.end()


def test_commitment_options_that_cannot_be_read_leave_the_product_as_it_was(rig):
	product = storybook.M365_BUSINESS_PREMIUM
	for path, value in (
		("commitmentDependencies", "some"),
		("commitmentDependencies.0", 7),
		("commitmentDependencies.0.allowForQuantityDecrease", "perhaps"),
		("commitmentDependencies.0.renewalWindowDaysBeforeTermEnd", "x"),
		("productDependencies", 7),
	):
		with rig.case(f"{path} = {value!r}"):
			rewrite = {"name": "set_body", "path": path, "value": value}
			order = {
				"kind": "rewrite",
				"operation": "findProductDependenciesByProductId",
				"rewrites": [rewrite],
			}
			run = rig.run("Products", {**order, "path": f"/products/{product}/dependencies"})
			assert run.status == "Incomplete" and product in run.error, run.error
			assert run.stored["Pax8 Product"][product] == rig.before["Pax8 Product"][product]
	rig.end()


SECOND_LOOK = {
	"Companies": "findCompanyByCompanyId",
	"Subscriptions": "findSubscriptionBySubscriptionId",
	"Products": "findProductByProductId",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_look_that_fails_marks_nothing(rig, kind):
	# Not those of the body: that Pax8 has no such record is said by the status.
	for name in (
		"408",
		"429 without Retry-After",
		"500",
		"502, a web page",
		"closed before",
		"reset before",
		"403",
		"422",
	):
		with rig.case(name):
			order, words = {**LINE, **FINAL}[name]
			order = {**order, "operation": SECOND_LOOK[kind], "count": None}
			run = rig.run(kind, order, max_retries=0)
			assert run.status == "Incomplete", run.status
			assert words.casefold() in run.error.casefold()
			assert run.rows_vanished == 0
			mark = VANISHED[DOCTYPES[kind]]
			marks = {
				key: row[mark]
				for key, row in run.stored[DOCTYPES[kind]].items()
				if key in rig.before[DOCTYPES[kind]]
			}
			assert marks == {key: row[mark] for key, row in rig.before[DOCTYPES[kind]].items()}
	rig.end()


def test_an_unknown_product_that_cannot_be_read_does_not_stop_the_subscriptions(rig, site, sandbox):
	"""Its vendor stays unknown, which holds every change of it; the run says so."""
	rig.right("Subscriptions")
	rig.start()
	sandbox.change("products", id="product-of-tomorrow", name="Tomorrow", vendorName="Morrow")
	for name in (storybook.CEDAR_KEEPER, storybook.MUELLER_ESET):
		sandbox.change("subscriptions", name, productId="product-of-tomorrow")
	sandbox.faults.add("status", "findProductByProductId", status=500, count=None)
	run = sync(site, sandbox, "Subscriptions")
	assert run.reached_end and run.status == "Incomplete" and "product-of-tomorrow" in run.error
	sandbox.faults.clear()
	assert sync(site, sandbox, "Products").status == "Completed"
	assert sync(site, sandbox, "Subscriptions").status == "Completed"
	vendors = site.get_all("Pax8 Subscription", {"product": "product-of-tomorrow"}, pluck="vendor")
	assert vendors == ["Morrow", "Morrow"]


def test_a_storm_of_random_troubles_ends_right_or_says_so(rig, small_pages):
	"""Every second call fails, each time differently: tries again as long as it may, and is never wrong in silence."""
	completed = 0
	for seed in range(EXAMPLES):
		for kind in KINDS:
			with rig.case(f"{kind}, seed {seed}"):
				rig.right(kind)
				rig.start()
				for number, (order, _words) in enumerate(LINE.values()):
					rig.sandbox.faults.add(
						**order, operation="read", count=None, chance=0.04, seed=seed * 100 + number
					)
				run = sync(rig.site, rig.sandbox, kind, max_retries=4)
				rig.sandbox.faults.clear()
				run.stored = look(rig.site)
				completed += run.status == "Completed"
				rig._check(kind, run, rig._right[kind])
				rig.old_or_right(kind, run)
				assert sync(rig.site, rig.sandbox, kind).status == "Completed"
				assert not differences(look(rig.site), rig._right[kind])
	rig.end()
	assert completed > EXAMPLES, f"only {completed} of {3 * EXAMPLES} came through: nothing is tried again"
