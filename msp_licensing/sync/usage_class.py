"""Writes the billing class of products (Seat, Usage, Unknown) from stored prices and from evidence of usage.

The rules are in `rules.usage_class`. What a person has chosen is never written here; beside it stands what the app would
say (`computed_usage_class`), so that a choice which the evidence contradicts can be seen. Whoever stores something that a
verdict rests on calls `update` in the same transaction: the syncs of prices and of usage do.
"""

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Any

import frappe

from msp_licensing import clock, transactions, versions
from msp_licensing.rules.usage_class import Classification, Evidence, Plan, PlanRate, classify, dump_reasons
from msp_licensing.sync.mirror import TRIES, Row, upsert

DOCTYPE = "Pax8 Product"
PIECE = 2000


def update(names: Collection[str]) -> int:
	"""Writes the verdicts of these products that are not what is stored; the caller commits.

	Takes four queries, and three more where something changes, for any number of products.

	Returns:
		how many products have another class than before, as the app sees it.
	"""
	if not names:
		return 0
	verdicts = _verdicts(names)
	stale = [name for name, (row, verdict) in verdicts.items() if _differs(row, verdict)]
	if not stale:
		return 0
	# Read once more and locked: staff may be choosing at this moment.
	rows = [(row, verdicts[row.name][1]) for row in _products(stale, lock=True) if row.name in verdicts]
	changed = [(row, verdict) for row, verdict in rows if _differs(row, verdict)]
	upsert(DOCTYPE, [(row.name, _values(row, verdict)) for row, verdict in changed])
	versions.record(
		DOCTYPE,
		{
			row.name: [("usage_class", row.usage_class, str(verdict.by_rules))]
			for row, verdict in changed
			# The first verdict of a product is no change.
			if row.computed_usage_class
			and not row.usage_class_set_by_staff
			and row.usage_class != str(verdict.by_rules)
		},
	)
	frappe.cache.delete_value([frappe.get_document_cache_key(DOCTYPE, row.name) for row, _verdict in changed])
	return sum(row.computed_usage_class != str(verdict.by_rules) for row, verdict in changed)


def update_all(run: Any) -> int:
	"""The same for all products, a commit per 2000: a new name or SKU, or new rules, change a verdict as well.

	Args:
		run: asked before each commit whether it may still write (`confirm`).
	"""
	changed, last = 0, ""
	while names := frappe.get_all(
		DOCTYPE, {"name": (">", last)}, pluck="name", order_by="name asc", limit=PIECE
	):

		def write(names: Collection[str] = tuple(names)) -> int:
			run.confirm()
			written = update(names)
			frappe.db.commit()  # nosemgrep: frappe-manual-commit - piece by piece, so that a killed run keeps what it has
			return written

		changed += transactions.repeat(write, tries=TRIES, when=transactions.is_busy)
		last = names[-1]
	return changed


# --------------------------------------------------------------------------------------------- evidence


def evidence(names: Collection[str] | None = None) -> dict[str, Evidence]:
	"""What has been seen of the usage of products, by name; only products with any.

	Args:
		names: the products; None: all of them.
	"""
	groups = _resource_groups(names)
	return {name: Evidence(usage_summaries=groups[name]) for name in sorted(groups)}


def _resource_groups(names: Collection[str] | None) -> dict[str, int]:
	"""Resource groups with usage by product: the one that the usage is reported for, and the one that was subscribed to."""
	wanted = "and product in %(names)s" if names is not None else ""
	# nosemgrep: frappe-sql-format-injection - the condition is a literal, names are parameters
	rows = frappe.db.sql(
		f"""select product, count(*) from (
			select name, product from `tabPax8 Resource Group`
			union
			select found.name, subscription.product from `tabPax8 Resource Group` found
			join `tabPax8 Subscription` subscription on subscription.name = found.subscription
		) seen where product != '' {wanted} group by product""",
		{"names": tuple(names or ())},
	)
	return dict(rows)


# --------------------------------------------------------------------------------------------- verdicts


def _verdicts(names: Collection[str]) -> dict[str, tuple[Any, Classification]]:
	"""Each product as it is stored, with what the rules say of it."""
	plans, seen = dict(_plans(names)), evidence(names)
	return {
		row.name: (
			row,
			classify(
				plans.get(row.name),
				product_name=row.product_name,
				vendor_name=row.vendor,
				sku=row.sku,
				evidence=seen.get(row.name),
			),
		)
		for row in _products(names)
	}


def _products(names: Collection[str], *, lock: bool = False) -> list[Any]:
	# nosemgrep: frappe-sql-format-injection - the lock is a literal, names are parameters
	return frappe.db.sql(
		f"""select name, product_name, vendor, sku, usage_class, usage_class_set_by_staff, computed_usage_class,
		previous_usage_class, usage_class_changed_on, usage_class_changed_on_utc, usage_class_reasons,
		usage_class_accepted_on, usage_class_accepted_by
		from `tabPax8 Product` where name in %s order by name {"for update" if lock else ""}""",
		(tuple(names),),
		as_dict=True,
	)


def _plans(names: Collection[str]) -> Iterator[tuple[str, list[Plan]]]:
	"""The pricing plans of each product that has any. Prices are stored a row per rate."""
	rows = frappe.db.sql(
		"""select parent, billing_term, commitment_term, price_type, unit_of_measurement,
		suggested_retail_price, has_suggested_retail_price, partner_buy_rate, has_partner_buy_rate
		from `tabPax8 Product Price` where parenttype = 'Pax8 Product' and parent in %s order by parent, idx""",
		(tuple(names),),
		as_dict=True,
	)
	for product, prices in groupby(rows, key=lambda row: row.parent):
		plans: dict[tuple[Any, ...], list[PlanRate]] = {}
		for row in prices:
			key = (row.billing_term, row.commitment_term, row.price_type, row.unit_of_measurement)
			plans.setdefault(key, []).append(
				PlanRate(
					row.partner_buy_rate if row.has_partner_buy_rate else None,
					row.suggested_retail_price if row.has_suggested_retail_price else None,
				)
			)
		yield (
			product,
			[
				Plan(term, kind, unit, tuple(rates))
				for (term, _commitment, kind, unit), rates in plans.items()
			],
		)


def _differs(row: Any, verdict: Classification) -> bool:
	said = str(verdict.by_rules)
	return (
		row.computed_usage_class != said
		or (not row.usage_class_set_by_staff and row.usage_class != said)
		or row.usage_class_reasons != dump_reasons(verdict.reasons)
	)


def _values(row: Any, verdict: Classification) -> Row:
	"""The columns that a verdict is stored in; those that do not change keep their values."""
	said, before = str(verdict.by_rules), row.computed_usage_class
	values: Row = {
		"usage_class": row.usage_class if row.usage_class_set_by_staff else said,
		"computed_usage_class": said,
		"usage_class_reasons": dump_reasons(verdict.reasons),
		**{
			column: row[column]
			for column in (
				"previous_usage_class",
				"usage_class_changed_on",
				"usage_class_changed_on_utc",
				"usage_class_accepted_on",
				"usage_class_accepted_by",
			)
		},
	}
	if before and before != said:
		values |= {"previous_usage_class": before, **clock.stamp("usage_class_changed_on")}
		# What somebody has accepted is not what there is now.
		values |= {"usage_class_accepted_on": None, "usage_class_accepted_by": None}
	return values
