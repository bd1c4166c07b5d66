"""A model of what syncs must do, written from their promises and not from their code: a small world that is played.

A step is a name and some whole numbers, which pick what it is about: any numbers fit any state, so that histories can be
made up at random, cut down, and kept as text.
"""

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from faulty import LISTS, client, put_back, raw
from sync_model_rows import (
	ANY,
	COLUMNS,
	PRODUCT_STAFF,
	RECORDED,
	SUBSCRIPTION_STAFF,
	plain,
	same,
	subscription_row,
	told_as,
)
from sync_model_steps import CLIENTS, Happenings, one_of

Step = tuple[Any, ...]

KINDS = ("Companies", "Subscriptions", "Products")
TABLES = {"Companies": "Pax8 Company", "Subscriptions": "Pax8 Subscription", "Products": "Pax8 Product"}
CLEARED = (*TABLES.values(), "Pax8 Product Price", "Pax8 Sync Run", "Pax8 Subscription Change")

# Troubles that Pax8's answers show, or that end in an error. What only looks like data is no trouble: no one can tell.
FAULTS: tuple[tuple[dict[str, Any], ...], ...] = (
	({"kind": "status", "status": 500},),
	({"kind": "status", "status": 429, "headers": {"Retry-After": "3"}},),
	({"kind": "status", "status": 403},),
	({"kind": "html"},),
	({"kind": "drop_after"},),
	({"kind": "reset_before"},),
	({"kind": "reset_midway"},),
	({"kind": "truncated"},),
	({"kind": "broken_body"},),
	({"kind": "empty"},),
	({"kind": "meanwhile", "calls": [{"method": "DELETE", "path": "/tokens"}]},),
	({"kind": "rewrite", "rewrites": [{"name": "shift", "by": 1}]},),
	({"kind": "rewrite", "rewrites": [{"name": "shift", "by": -2}]},),
	({"kind": "rewrite", "rewrites": [{"name": "duplicate_rows", "in_place": True}]},),
	({"kind": "rewrite", "rewrites": [{"name": "leave_out_rows", "rows": 2}]},),
	({"kind": "rewrite", "rewrites": [{"name": "totals", "totalElements": {"jitter": 3}}]},),
	({"kind": "rewrite", "rewrites": [{"name": "totals", "totalPages": {"add": -1}}]},),
	({"kind": "rewrite", "rewrites": [{"name": "set_field", "field": "id", "value": None}]},),
	({"kind": "rewrite", "rewrites": [{"name": "set_body", "value": None}]},),
	(
		{"kind": "status", "status": 502},
		{"kind": "rewrite", "rewrites": [{"name": "duplicate_rows"}]},
	),
)


class Killed(BaseException):
	"""The worker is gone, at this very place."""


class World(Happenings):
	"""The site, the sandbox, and what the model knows of both. `play` takes a history; after each step all is checked."""

	def __init__(self, site: Any, sandbox: Any) -> None:
		from msp_licensing.setup import demo

		self.site, self.sandbox = site, sandbox
		for name in CLIENTS:
			demo.make_client(name)
		site.db.commit()
		self.client_doctype = demo.site_client_doctype()
		self.seen: Counter[str] = Counter()
		"""What came about, over all histories: a model that never meets a fault proves nothing."""

	def begin(self) -> None:
		"""An empty site, and the sandbox as it was."""
		self.site.db.rollback()
		for table in CLEARED:
			self.site.db.sql(f"delete from `tab{table}`")
		self.site.db.commit()
		self.sandbox.reset(provisioning_seconds=0.0, rate_limit=0)
		self.sandbox.clock.freeze()
		self.sandbox.clock.set(self.sandbox.app.initial_config.now)
		self.numbers = itertools.count(1)
		self.gone: dict[str, list[dict[str, Any]]] = {"subscriptions": [], "companies": [], "products": []}
		self.mapping: dict[str, str] = {}
		self.staff: dict[str, dict[str, dict[str, Any]]] = {"Pax8 Subscription": {}, "Pax8 Product": {}}
		self.told: list[tuple[Any, ...]] = []
		self.stored = self._look()

	def play(self, steps: Sequence[Step]) -> None:
		"""Plays a history from its beginning."""
		self.begin()
		self.go_on(steps)

	def keep(self) -> Callable[[], None]:
		"""Returns what brings the site back to where it is now. Nothing must have happened at Pax8 so far."""
		tables = raw(self.site, CLEARED)
		model = {name: copy.deepcopy(getattr(self, name)) for name in ("mapping", "staff", "told", "stored")}

		def back() -> None:
			self.begin()
			put_back(self.site, tables)
			for name, value in model.items():
				setattr(self, name, copy.deepcopy(value))

		return back

	def go_on(self, steps: Sequence[Step]) -> None:
		for place, (name, *numbers) in enumerate(steps):
			before = self.stored
			try:
				getattr(self, name)(*numbers)
				self._check_always(before)
			except AssertionError as error:
				error.add_note(f"in step {place}: {(name, *numbers)}")
				raise

	# -------------------------------------------------------------------------------------------------- the syncs

	def sync(self, kind: int) -> None:
		"""A sync without trouble, and another one after it, which has nothing to do."""
		name = KINDS[kind % len(KINDS)]
		self.complete(kind)
		stored = self._raw(name)
		again = self._run(name)
		assert (again.status, again.rows_new, again.rows_changed, again.rows_vanished) == (
			"Completed",
			0,
			0,
			0,
		)
		changed = [row for row in self._raw(name) if row not in stored]
		assert not changed, f"an unchanged sync wrote {changed}"

	def complete(self, kind: int) -> None:
		"""A sync without trouble."""
		name = KINDS[kind % len(KINDS)]
		run = self._run(name)
		assert run.status == "Completed", f"{run.status} without a fault: {run.error}"
		self._check_completed(name, run)
		going = self.site.get_all("Pax8 Sync Run", {"kind": name, "status": "Running"})
		assert not going, "a run that died is still said to be going"

	def sync_company(self, which: int) -> None:
		"""The sync of one company, as after its mapping: no conclusion about what it does not show."""
		company = one_of(sorted(self.stored["Pax8 Company"]), which)
		if not company:
			return
		before = self.stored
		run = self._run("Subscriptions", company=company)
		if company not in self._names("companies"):
			assert run.status == "Failed", "Pax8 does not let an unknown company be asked for"
			assert self._mirrored(self._look()) == self._mirrored(before)
			return
		assert run.status == "Completed", run.error
		expected = self._expected_subscriptions(before, company)
		assert self._look()["Pax8 Subscription"] == expected

	def faulty_sync(self, kind: int, fault: int, chance: int, seed: int, size: int) -> None:
		name = KINDS[kind % len(KINDS)]
		for order in FAULTS[fault % len(FAULTS)]:
			odds = (0.25, 0.5, 1.0)[chance % 3]
			# A price that comes twice is no trouble that shows: pages are what can be wrong visibly.
			operation = LISTS[name] if order["kind"] == "rewrite" else "read"
			self.sandbox.faults.add(operation=operation, count=None, chance=odds, seed=seed, **order)
		try:
			run = self._run(name, size=(3, 5, 200)[size % 3])
		finally:
			self.sandbox.faults.clear()
		self.seen[f"{name}, {run.status} under fault"] += 1
		if run.status == "Completed":
			self._check_completed(name, run)
		else:
			assert run.status in ("Incomplete", "Failed") and run.error
			self._check_partial(name)

	def killed_sync(self, kind: int, where: int, count: int, size: int) -> None:
		"""A sync whose worker dies: at an HTTP call, at a statement, just before a commit, or just after it."""
		name = KINDS[kind % len(KINDS)]
		died = False
		place = ("call", "statement", "before commit", "after commit")[where % 4]
		with self._death(place, count):
			try:
				self._run(name, size=(3, 200)[size % 2])
			except Killed:
				died = True
		self.site.db.rollback()  # the database does as much for a connection that is gone
		self.stored = self._look()
		self.seen[f"{name}, died at {place}" if died else f"{name}, done before it could die"] += 1
		if died:
			written = self.stored[TABLES[name]] != self.before[TABLES[name]]
			self.seen[f"{name}, died after a part was written"] += written
			self._check_partial(name)

	def _run(self, kind: str, company: str | None = None, size: int = 200) -> Any:
		from msp_licensing.pax8 import walk
		from msp_licensing.sync import jobs, mirror

		self.before = self.stored
		pages = patch.object(walk, "PAGE_SIZE", size)
		batches = patch.object(mirror, "BATCH", min(size, mirror.BATCH))
		try:
			with (
				pages,
				batches,
				client(self.sandbox, concurrency=1, max_retries=2, on_call=self._on_call) as pax8,
			):
				name = jobs.run(kind, trigger="Manual", company=company, pax8=pax8)
		finally:
			self.site.db.rollback()
		assert name, "the run before this one still holds its lock"
		self.stored = self._look()
		return self.site.get_doc("Pax8 Sync Run", name)

	_on_call: Callable[[Any], None] | None = None

	@contextmanager
	def _death(self, where: str, count: int) -> Any:
		from msp_licensing.sync import jobs

		db = self.site.local.db
		left = [count % {"call": 8, "statement": 40}.get(where, 8)]

		def strike() -> None:
			left[0] -= 1
			if left[0] < 0:
				raise Killed(where)

		sql, commit, finish = db.sql, db.commit, jobs.Run._finish

		def dying_sql(*args: Any, **options: Any) -> Any:
			strike()
			return sql(*args, **options)

		def dying_commit(*args: Any, **options: Any) -> Any:
			if where == "before commit":
				strike()
			done = commit(*args, **options)
			if where == "after commit":
				strike()
			return done

		def finish_unless_dead(run: Any, *args: Any) -> None:
			if left[0] >= 0:
				finish(run, *args)

		victim = {
			"call": (self, "_on_call", lambda info: strike()),
			"statement": (db, "sql", dying_sql),
		}.get(where, (db, "commit", dying_commit))
		with patch.object(*victim), patch.object(jobs.Run, "_finish", finish_unless_dead):
			yield

	# ------------------------------------------------------------------------------------------------- what is so

	def _look(self) -> dict[str, dict[str, dict[str, Any]]]:
		"""What is stored, in the columns that the model knows."""
		found: dict[str, dict[str, dict[str, Any]]] = {}
		for table, columns in COLUMNS.items():
			found[table] = {
				row.name: {column: plain(row[column]) for column in columns}
				for row in self.site.db.sql(f"select * from `tab{table}`", as_dict=True)
			}
		prices: dict[str, list[Any]] = {name: [] for name in found["Pax8 Product"]}
		for row in self.site.db.sql("select * from `tabPax8 Product Price` order by idx", as_dict=True):
			retail = plain(row.suggested_retail_price) if row.has_suggested_retail_price else None
			prices[row.parent].append((row.billing_term, retail))
		found["prices"] = prices  # type: ignore[assignment]
		return found

	def _raw(self, kind: str) -> list[dict[str, Any]]:
		"""All columns of the rows; of products without the time of their prices, which is that of the last look."""
		rows = self.site.db.sql(f"select * from `tab{TABLES[kind]}` order by name", as_dict=True)
		if kind == "Products":
			# Of all others, each run looks at the prices of a few more.
			daily = self._priced_daily()
			rows = [{**row, "priced_on": None} for row in rows if row.name in daily]
		return rows

	def _priced_daily(self) -> set[str]:
		owned = {row["product"] for row in self.stored["Pax8 Subscription"].values() if not row["vanished"]}
		return {
			name
			for name, row in self.stored["Pax8 Product"].items()
			if not row["discontinued"] and (row["visible"] or row["featured"] or name in owned)
		}

	def _mirrored(self, stored: dict[str, Any]) -> dict[str, Any]:
		return {table: stored[table] for table in TABLES.values()}

	def _expected_subscriptions(self, before: dict[str, Any], company: str | None = None) -> dict[str, Any]:
		"""What a complete walk must leave: of all subscriptions, or of those of one company."""
		known = before["Pax8 Subscription"]
		companies = self.stored["Pax8 Company"]
		products = self.stored["Pax8 Product"]
		expected = copy.deepcopy(known)
		remote = [wire for wire in self._remote("subscriptions") if company in (None, wire["companyId"])]
		listed = {wire["id"]: wire["vendorName"] for wire in self._remote("products")}
		for wire in remote:
			mapped = wire["companyId"] in self.mapping and wire["companyId"] in companies
			if mapped or wire["id"] in known:
				# As the site knows it: the catalogue is another sync's. A product it has never met is read for it.
				product = products.get(wire["productId"])
				vendor = product["vendor"] if product else listed.get(wire["productId"])
				staff = {
					column: known.get(wire["id"], SUBSCRIPTION_STAFF)[column] for column in SUBSCRIPTION_STAFF
				}
				expected[wire["id"]] = {**subscription_row(wire, vendor), **staff}
		if company is None:
			for name in set(expected) - {wire["id"] for wire in remote}:
				expected[name]["vanished"] = 1
		for row in expected.values():
			row["client"] = self.mapping.get(row["pax8_company"])
		return expected

	def _expected(self, kind: str) -> dict[str, Any]:
		before = self.before[TABLES[kind]]
		if kind == "Subscriptions":
			return self._expected_subscriptions(self.before)
		expected = copy.deepcopy(before)
		remote = self._remote(kind.lower())
		for wire in remote:
			old = before.get(wire["id"])
			if kind == "Companies":
				row = {"company_name": wire["name"], "status": wire["status"], "vanished": 0}
				expected[wire["id"]] = {**row, "client": old["client"] if old else None}
			else:
				row = {"product_name": wire["name"], "vendor": wire["vendorName"], "discontinued": 0}
				new = {"visible": 0, "featured": 0, "category": ANY}
				expected[wire["id"]] = {**row, **{column: (old or new)[column] for column in PRODUCT_STAFF}}
		mark = "discontinued" if kind == "Products" else "vanished"
		for name in set(expected) - {wire["id"] for wire in remote}:
			expected[name][mark] = 1
		return expected

	def _check_completed(self, kind: str, run: Any) -> None:
		"""A run that says Completed leaves what a run without faults leaves."""
		expected = self._expected(kind)
		same(self.stored[TABLES[kind]], expected)
		assert run.reached_end and not run.error and not run.rows_refused
		remote = self._remote(kind.lower())
		if kind == "Subscriptions":
			unmapped = [wire["companyId"] for wire in remote if wire["companyId"] not in self.mapping]
			assert run.rows_unmapped == len(unmapped)
			counts = dict(
				self.site.db.sql("select name, unsynced_subscriptions from `tabPax8 Company`", as_list=True)
			)
			assert counts == {name: unmapped.count(name) for name in counts}, "wrong count of those left out"
		else:
			assert run.rows_read == len(remote)
		if kind == "Products":
			for name in self._priced_daily():
				self._check_prices(name)

	def _check_prices(self, name: str) -> None:
		told = [
			(plan["billingTerm"], plain(rate.get("suggestedRetailPrice")))
			for plan in self.sandbox.product(name)["pricing"]
			for rate in plan["rates"]
		]
		assert self.stored["prices"][name] == told, f"prices of {name}"

	def _check_partial(self, kind: str) -> None:
		"""A run that was not completed: each row is as before or as it should be, and nothing is marked that is there."""
		expected, before = self._expected(kind), self.before[TABLES[kind]]
		for name, row in self.stored[TABLES[kind]].items():
			known = [rows[name] for rows in (before, expected) if name in rows]
			if kind == "Subscriptions" and row["vendor"] is None:
				# Its product could not be read: without a vendor every change of it is held.
				known = [{**one, "vendor": None} for one in known]
			assert row in known, f"{name}: {row}, neither as before nor as it should be: {known}"
		assert set(before) <= set(self.stored[TABLES[kind]])

	def _check_always(self, before: dict[str, Any]) -> None:
		"""What holds after every step, whatever it was."""
		self.site.db.rollback()
		self.stored = now = self._look()
		for name, row in now["Pax8 Company"].items():
			assert row["client"] == self.mapping.get(name), f"the mapping of {name} is not what staff chose"
		for name, row in now["Pax8 Subscription"].items():
			assert row["client"] == self.mapping.get(row["pax8_company"]), (
				f"{name} is not with its company's client"
			)
			rule = self.staff["Pax8 Subscription"].get(name, SUBSCRIPTION_STAFF)
			assert {column: row[column] for column in rule} == rule, f"the rule of {name} was overwritten"
		for name, choice in self.staff["Pax8 Product"].items():
			row = now["Pax8 Product"][name]
			assert {column: row[column] for column in choice} == choice, (
				f"choices for {name} were overwritten"
			)
		for name, row in now["Pax8 Product"].items():
			if name not in self.staff["Pax8 Product"]:
				assert (row["visible"], row["featured"]) == (0, 0)
		self._check_recorded(before["Pax8 Subscription"], now["Pax8 Subscription"])

	def _check_recorded(self, before: dict[str, Any], now: dict[str, Any]) -> None:
		"""Exactly what is stored differently since the last step is recorded, once: also by runs that died."""
		rows = self.site.get_all(
			"Pax8 Subscription Change",
			fields=["subscription", "field", "old_value", "new_value"],
		)
		told = [(row.subscription, row.field, row.old_value, row.new_value) for row in rows]
		expected = list(self.told)
		for name, row in now.items():
			if name not in before:
				continue
			for column, (label, flag) in RECORDED.items():
				old, new = (told_as(column, one, flag) for one in (before[name], row))
				if old != new:
					expected.append((name, label, old, new))
		too_much, missing = Counter(told) - Counter(expected), Counter(expected) - Counter(told)
		assert not too_much and not missing, f"recorded without a change: {too_much}; not recorded: {missing}"
		self.seen["changes recorded"] += len(told) - len(self.told)
		self.told = told
