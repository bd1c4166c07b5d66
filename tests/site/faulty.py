"""What the tests of syncs under faults share: a site and a sandbox that disagree, and a look at all that is stored."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from msp_licensing.sandbox import storybook

DOCTYPES = {
	"Companies": "Pax8 Company",
	"Subscriptions": "Pax8 Subscription",
	"Products": "Pax8 Product",
}
LISTS = {"Companies": "findCompanies", "Subscriptions": "findSubscriptions", "Products": "findAllProducts"}
KINDS = tuple(DOCTYPES)
VANISHED = {"Pax8 Company": "vanished", "Pax8 Subscription": "vanished", "Pax8 Product": "discontinued"}
# How many random troubles are tried of each sort.
EXAMPLES = int(os.environ.get("MSP_LICENSING_EXAMPLES") or 4)
TABLES = (*DOCTYPES.values(), "Pax8 Product Price")

# Who wrote a row and when, and what only tells whether it needs writing.
_BOOKKEEPING = {
	"creation",
	"modified",
	"modified_by",
	"owner",
	"fingerprint",
	"price_fingerprint",
	"priced_on",
	"read_on",
	"first_synced_on",
}
STAFF = {
	"Pax8 Company": ("client_doctype", "client"),
	"Pax8 Product": ("visible", "featured", "category"),
	"Pax8 Subscription": (
		"self_service",
		"approval",
		"show_to_client",
		"override_limits",
		"min_quantity",
		"max_quantity",
	),
}

NEW_SUBSCRIPTION = "00000000-0000-4000-8000-00000000aaaa"
NEW_COMPANY = "00000000-0000-4000-8000-00000000bbbb"
NEW_PRODUCT = "00000000-0000-4000-8000-00000000cccc"


class Unlimited:
	"""A rate limiter for tests: nobody waits."""

	def acquire(self, priority: bool = False) -> None:
		pass

	def penalize(self, seconds: float) -> None:
		pass


def client(sandbox: Any, timeout: float = 5.0, **options: Any) -> Any:
	"""A client that does not wait between tries, and tries a read twice."""
	from msp_licensing.pax8 import Pax8Client

	return Pax8Client(
		client_id="sandbox",
		client_secret="sandbox",
		base_url=sandbox.url,
		timeout=timeout,
		limiter=Unlimited(),
		sleep=lambda seconds: None,
		**{"max_retries": 1, **options},
	)


def sync(site: Any, sandbox: Any, kind: str, **options: Any) -> Any:
	"""Runs a sync, and returns its record."""
	from msp_licensing.sync import jobs

	with client(sandbox, **options) as pax8:
		name = jobs.run(kind, trigger="Manual", pax8=pax8)
	site.db.rollback()
	return site.get_doc("Pax8 Sync Run", name)


def look(site: Any) -> dict[str, dict[str, dict[str, Any]]]:
	"""All that a sync stores: table -> name -> columns. Prices are named by product and place."""
	site.db.rollback()
	found: dict[str, dict[str, dict[str, Any]]] = {}
	for table in TABLES:
		rows = {}
		for row in site.db.sql(f"select * from `tab{table}`", as_dict=True):
			name = f"{row.parent} {row.idx}" if table == "Pax8 Product Price" else row.name
			left_out = {*_BOOKKEEPING, *(("name",) if table == "Pax8 Product Price" else ())}
			assert name not in rows, f"{table} {name} is there twice"
			rows[name] = {column: value for column, value in row.items() if column not in left_out}
		found[table] = rows
	return found


def raw(site: Any, tables: Iterable[str] = TABLES) -> dict[str, Any]:
	"""Tables as they are, to be put back."""
	site.db.rollback()
	return {table: site.db.sql(f"select * from `tab{table}`", as_dict=True) for table in tables}


def put_back(site: Any, tables: dict[str, Any]) -> None:
	site.db.rollback()
	for table, rows in tables.items():
		site.db.sql(f"delete from `tab{table}`")
		if rows:
			columns = list(rows[0])
			group = "(" + ", ".join(["%s"] * len(columns)) + ")"
			names = ", ".join(f"`{column}`" for column in columns)
			site.db.sql(
				f"insert into `tab{table}` ({names}) values {', '.join([group] * len(rows))}",
				[row[column] for row in rows for column in columns],
			)
	site.db.commit()


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
	"""What differs between two looks: "table name column" -> (one, other)."""
	found = {}
	for table in one:
		for name in {**one[table], **other[table]}:
			old, new = one[table].get(name), other[table].get(name)
			if old is None or new is None:
				found[f"{table} {name}"] = ("there" if old else "absent", "there" if new else "absent")
				continue
			for column in old:
				if old[column] != new[column]:
					found[f"{table} {name} {column}"] = (old[column], new[column])
	return found


def begin(sandbox: Any) -> None:
	"""The sandbox as the site last saw it, with its clock stopped."""
	sandbox.reset(provisioning_seconds=0.0, rate_limit=0)
	sandbox.clock.freeze()
	sandbox.clock.set(sandbox.app.initial_config.now)


def change_the_world(sandbox: Any) -> None:
	"""Something for every kind of sync to do: a row changed, one gone, one new; the same each time."""
	sandbox.change("subscriptions", storybook.CEDAR_KEEPER, quantity=11)
	sandbox.vanish("subscriptions", storybook.CEDAR_SOPHOS)
	sandbox.change(
		"subscriptions",
		id=NEW_SUBSCRIPTION,
		companyId=storybook.MUELLER_UND_SOEHNE,
		productId=storybook.KEEPER_BUSINESS,
		quantity=3,
	)
	sandbox.change("companies", storybook.BLUE_HARBOR_DENTAL, name="Blue Harbour Dental")
	with sandbox.app.lock:
		last_company = sandbox.world.companies.order[-1].id
	sandbox.vanish("companies", last_company)
	sandbox.change("companies", id=NEW_COMPANY, name="Newcomers Ltd")
	sandbox.change("products", storybook.KEEPER_BUSINESS, name="Keeper Business Plus")
	sandbox.vanish("products", storybook.PRODUCT_WITHOUT_PRICES)
	sandbox.change("products", id=NEW_PRODUCT, name="Brand New", vendorName="New Vendor")
	plan = {"billingTerm": "Monthly", "type": "Flat", "unitOfMeasurement": "User"}
	rates = [
		{"suggestedRetailPrice": 9.5, "partnerBuyRate": 7, "startQuantityRange": 1, "chargeType": "Per Unit"}
	]
	sandbox.change("products", storybook.EXCLAIMER_PRO, pricing=[{**plan, "rates": rates}])


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
	"computed_usage_class",
}


def without_prices(row: dict[str, Any]) -> dict[str, Any]:
	return {column: value for column, value in row.items() if column not in FROM_PRICES}


def stopped(run: Any, *words: str) -> None:
	assert run.status in ("Incomplete", "Failed"), f"{run.status} although nothing could be read"
	assert not run.reached_end
	assert run.trouble
	for word in words:
		assert word.casefold() in run.error.casefold(), f"{word!r} is not in {run.error!r}"


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
