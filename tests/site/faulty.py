"""What the tests of syncs under faults share: a site and a sandbox that disagree, and a look at all that is stored."""

from typing import Any

from msp_licensing.sandbox import storybook

DOCTYPES = {
	"Companies": "Pax8 Company",
	"Subscriptions": "Pax8 Subscription",
	"Products": "Pax8 Product",
}
LISTS = {"Companies": "findCompanies", "Subscriptions": "findSubscriptions", "Products": "findAllProducts"}
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


def raw(site: Any) -> dict[str, Any]:
	"""The same tables as they are, to be put back."""
	site.db.rollback()
	return {table: site.db.sql(f"select * from `tab{table}`", as_dict=True) for table in TABLES}


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
