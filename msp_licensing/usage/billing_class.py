"""The billing class of products as people see it: the reasons in words, what staff choose, and what somebody should look at.

The app's own verdicts are written by `sync.usage_class`. What is chosen here stands above them and above evidence, until it
is taken back.
"""

from collections.abc import Collection, Iterable
from typing import Any

import frappe
from frappe import _, _lt

from msp_licensing import clock, versions
from msp_licensing.frappe_version import count_as
from msp_licensing.rules import words
from msp_licensing.rules.usage_class import Evidence, UsageClass, class_of, is_proven, load_reasons
from msp_licensing.sync import usage_class as verdicts
from msp_licensing.sync.mirror import upsert

DOCTYPE = verdicts.DOCTYPE
SEAT, USAGE, UNKNOWN = map(str, (UsageClass.SEAT, UsageClass.USAGE, UsageClass.UNKNOWN))

# Why a product is listed for review.
CHANGED = "Changed Lately"
CONTRADICTS = "Staff Choice Contradicts Evidence"
UNKNOWN_WITH_EVIDENCE = "Unknown with Evidence"
UNKNOWN_IN_USE = "Unknown with Subscriptions"
KINDS = {
	CHANGED: _lt("Changed Lately"),
	CONTRADICTS: _lt("Staff Choice Contradicts Evidence"),
	UNKNOWN_WITH_EVIDENCE: _lt("Unknown with Evidence"),
	UNKNOWN_IN_USE: _lt("Unknown with Subscriptions"),
}
DAYS = 30

_CHOICE = (
	"usage_class",
	"usage_class_set_by_staff",
	"usage_class_set_by",
	"usage_class_set_on",
	"usage_class_accepted_by",
	"usage_class_accepted_on",
)


# --------------------------------------------------------------------------------------------- in words


def sentences(reasons: str | None) -> list[str]:
	"""The reasons that are kept with a product, in the reader's language; plain text."""
	found = []
	for reason in load_reasons(reasons):
		sentence = words.usage_sentence(reason)
		found.append(_(sentence.msgid).format(**sentence.values))
	return found


def explain(product: Any) -> dict[str, Any]:
	"""What the form of a product says of its billing class.

	Returns:
		`reasons`: why the app says what it says, sentences of plain text. `contradicts`: whether staff have chosen
		another class than the evidence proves. `differs`: whether they have chosen another one than the app.
	"""
	proven = is_proven(load_reasons(product.usage_class_reasons))
	differs = bool(
		product.usage_class_set_by_staff
		and product.computed_usage_class
		and product.usage_class != product.computed_usage_class
	)
	return {
		"reasons": sentences(product.usage_class_reasons),
		"contradicts": differs and proven,
		"differs": differs,
	}


# --------------------------------------------------------------------------------------------- what staff choose


def note_choice(product: Any) -> None:
	"""For the controller: somebody is about to save a product with another class; the choice is theirs from now on."""
	product.update(_chosen(product.usage_class))


def choose(names: Collection[str], usage_class: str) -> int:
	"""Gives products the class that a person has chosen, also where the app says the same: it will not change again.

	Returns:
		how many products were not so before.

	Raises:
		frappe.ValidationError: there is no such class.
	"""
	wanted = class_of(usage_class)
	if not wanted:
		frappe.throw(_("Choose Seat, Usage or Unknown."))
	rows = [
		row for row in _locked(names) if row.usage_class != str(wanted) or not row.usage_class_set_by_staff
	]
	_write(rows, lambda row: _chosen(str(wanted)))
	return len(rows)


def let_app_decide(names: Collection[str]) -> int:
	"""Takes back what staff have chosen: the class is again what evidence, prices and names say.

	Returns:
		how many products had a choice of staff.
	"""
	rows = [row for row in _locked(names) if row.usage_class_set_by_staff]
	_write(
		rows,
		lambda row: {
			**dict.fromkeys(_CHOICE),
			"usage_class": row.computed_usage_class or UNKNOWN,
			"usage_class_set_by_staff": 0,
		},
	)
	verdicts.update([row.name for row in rows])
	return len(rows)


def accept(names: Collection[str]) -> int:
	"""Takes products off the list for review: somebody has looked, and it stays as it is until the verdict changes.

	Returns:
		how many had not been accepted before.
	"""
	rows = [row for row in _locked(names) if not row.usage_class_accepted_on]
	accepted = {
		"usage_class_accepted_by": frappe.session.user,
		"usage_class_accepted_on": clock.site_now(),
	}
	_write(rows, lambda row: {**{column: row[column] for column in _CHOICE}, **accepted})
	return len(rows)


def _chosen(usage_class: str) -> dict[str, Any]:
	"""The columns of a choice. What was accepted before was another one."""
	return {
		"usage_class": usage_class,
		"usage_class_set_by_staff": 1,
		"usage_class_set_by": frappe.session.user,
		"usage_class_set_on": clock.site_now(),
		"usage_class_accepted_by": None,
		"usage_class_accepted_on": None,
	}


def _locked(names: Collection[str]) -> list[Any]:
	if not names:
		return []
	return frappe.db.sql(
		"""select name, usage_class, usage_class_set_by_staff, usage_class_set_by, usage_class_set_on,
		usage_class_accepted_by, usage_class_accepted_on, computed_usage_class
		from `tabPax8 Product` where name in %s order by name for update""",
		(tuple(names),),
		as_dict=True,
	)


def _write(rows: list[Any], values_of: Any) -> None:
	"""Writes the columns of a choice, with an entry in the history of each product.

	`doc.save()` would write every price of every product again.
	"""
	values = {row.name: values_of(row) for row in rows}
	upsert(DOCTYPE, values.items())
	versions.record(
		DOCTYPE,
		{
			row.name: [
				(column, row[column], new)
				for column, new in values[row.name].items()
				if column in _TOLD and row[column] != new
			]
			for row in rows
		},
	)
	frappe.cache.delete_value([frappe.get_document_cache_key(DOCTYPE, row.name) for row in rows])


# What the history of a product tells; who and when stand beside each of its entries.
_TOLD = ("usage_class", "usage_class_set_by_staff", "usage_class_accepted_on")


# --------------------------------------------------------------------------------------------- to look at


def to_review(days: int = DAYS, *, accepted: bool = False) -> list[dict[str, Any]]:
	"""Products whose class somebody should look at, as far as the user may read products.

	Takes a fixed number of queries.

	Args:
		days: how long ago a verdict may have changed.
		accepted: also those that somebody has accepted.

	Returns:
		the columns of each product with `kinds` (keys of KINDS, at least one), `reasons` (sentences), `evidence` and
		`subscriptions` (how many that the user may see), by the product's name.
	"""
	seen, used = verdicts.evidence(), _subscriptions()
	since = clock.before(days=max(days, 0))
	rows = {
		row.name: row
		for filters in (
			{"usage_class_changed_on_utc": (">=", since)},
			{"usage_class_set_by_staff": 1},
			{"usage_class": UNKNOWN, "name": ("in", list(seen.keys() | used.keys()) or [""])},
		)
		for row in _list(filters, accepted)
	}
	found = []
	for row in rows.values():
		row.evidence = seen.get(row.name, Evidence())
		row.subscriptions = used.get(row.name, 0)
		row.changed = bool(row.usage_class_changed_on_utc and row.pop("usage_class_changed_on_utc") >= since)
		row.kinds = _kinds(row)
		if row.kinds:
			row.reasons = sentences(row.usage_class_reasons)
			found.append(row)
	return sorted(found, key=lambda row: ((row.product_name or "").casefold(), row.name))


def usage_products() -> list[dict[str, Any]]:
	"""Products that are billed by usage, or that evidence speaks for it, as far as the user may read products.

	Takes a fixed number of queries; rows and order as in `to_review`, without `kinds`.
	"""
	seen, used = verdicts.evidence(), _subscriptions()
	rows = {
		row.name: row
		for filters in ({"usage_class": USAGE}, {"name": ("in", list(seen) or [""])})
		for row in _list(filters, accepted=True)
	}
	for row in rows.values():
		row.evidence = seen.get(row.name, Evidence())
		row.subscriptions = used.get(row.name, 0)
		row.reasons = sentences(row.usage_class_reasons)
	return sorted(rows.values(), key=lambda row: ((row.product_name or "").casefold(), row.name))


def _kinds(row: Any) -> list[str]:
	by_kind = {
		CHANGED: row.changed,
		CONTRADICTS: row.usage_class_set_by_staff and row.evidence and row.usage_class == SEAT,
		UNKNOWN_WITH_EVIDENCE: row.evidence and row.usage_class == UNKNOWN,
		UNKNOWN_IN_USE: row.subscriptions and row.usage_class == UNKNOWN,
	}
	return [kind for kind, is_so in by_kind.items() if is_so]


def _list(filters: dict[str, Any], accepted: bool) -> Iterable[Any]:
	if not accepted:
		filters["usage_class_accepted_on"] = ("is", "not set")
	return frappe.get_list(
		DOCTYPE,
		filters=filters,
		fields=[
			"name",
			"product_name",
			"vendor",
			"sku",
			"discontinued",
			"usage_class",
			"usage_class_set_by_staff",
			"usage_class_set_by",
			"usage_class_set_on",
			"computed_usage_class",
			"previous_usage_class",
			"usage_class_changed_on",
			"usage_class_changed_on_utc",
			"usage_class_accepted_by",
			"usage_class_accepted_on",
			"usage_class_reasons",
		],
		order_by="name asc",
		limit=0,
	)


def _subscriptions() -> dict[str, int]:
	"""How many subscriptions there are of each product that the user may see."""
	return dict(
		frappe.get_list(
			"Pax8 Subscription",
			filters={"vanished": 0, "status": ("!=", "Cancelled"), "product": ("is", "set")},
			fields=["product", count_as("n")],
			group_by="product",
			order_by="product",
			as_list=True,
		)
	)
