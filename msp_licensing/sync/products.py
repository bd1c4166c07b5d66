"""Products, as Pax8 lists them. The list costs a call per 200 products; for their prices see `prices`."""

from datetime import datetime
from typing import Any

from msp_licensing import clock
from msp_licensing.pax8 import NotFound, Pax8Client, Product
from msp_licensing.rules.categories import guess_category
from msp_licensing.sync import prices, usage_class, vendors
from msp_licensing.sync.companies import mark_vanished
from msp_licensing.sync.mirror import Mirror, Row, fingerprint, fitting, upsert

DOCTYPE = "Pax8 Product"

# What a new product starts with; from then on it is staff's, or stays as it is.
_CHOICES = (
	"first_synced_on",
	"known_vendor",
	"category",
	"visible",
	"featured",
	"usage_class",
	"usage_class_set_by_staff",
)
_INSERT_ONLY = ("pax8_id", *_CHOICES)


def sync(pax8: Pax8Client, run: Any) -> None:
	"""Walks all products, reads the prices and commitment options that are due today, and says how each is billed.

	What staff chose (visible, featured, category, billing class) is never written.

	Raises:
		msp_licensing.pax8.Pax8Error: the walk did not come to its end; nothing is concluded from it.
	"""
	mirror = _mirror(run)
	with mirror:
		for product in pax8.products(on_unreadable=mirror.refuse):
			_add(mirror, product)
			run.progress(mirror)
	mark_vanished(mirror, run, reread=lambda name: _reread(pax8, mirror, name), field="discontinued")
	_tell_of_vendors()
	prices.sync(pax8, run)
	usage_class.update_all(run)


def _tell_of_vendors() -> None:
	from msp_licensing.sync import watch  # not at the top: it looks at the schedule, which names this walk

	watch.tell_of_vendors()


def take_list(pax8: Pax8Client, run: Any) -> dict[str, str | None]:
	"""Stores the whole list of products, without prices and conclusions; returns the vendor of each."""
	mirror = _mirror(_Uncounted(run))
	found = {}
	with mirror:
		for product in pax8.products(on_unreadable=mirror.refuse):
			_add(mirror, product)
			found[product.id] = product.vendor_name
	return found


class _Uncounted:
	"""A run in which rows of another kind are not counted."""

	def __init__(self, run: Any) -> None:
		self.confirm, self.refuse_row = run.confirm, run.refuse_row
		self.rows_read = self.rows_new = self.rows_changed = self.rows_unchanged = 0


def _mirror(run: Any) -> Mirror:
	since = clock.utc_now()
	return Mirror(DOCTYPE, run, write=lambda rows: _write(rows, since), choices=_CHOICES)


def _write(rows: list[tuple[str, Row]], since: datetime) -> None:
	upsert(DOCTYPE, rows, insert_only=_INSERT_ONLY)
	vendors.note([name for name, _row in rows], since)


def _add(mirror: Mirror, product: Product) -> None:
	mirror.add(product.id, row_of(product), lambda: _first_choices(product.name, product.vendor_name))


def row_of(product: Product) -> Row:
	return {
		"product_name": product.name,
		"vendor": product.vendor_name,
		"sku": product.sku,
		"vendor_sku": product.vendor_sku,
		"short_description": product.short_description,
		"requires_commitment": int(bool(product.requires_commitment)),
		"discontinued": 0,
	}


def store_one(product: Product) -> str | None:
	"""Stores a product that Pax8 just told of, known or not; returns its vendor.

	Raises:
		ValueError: something in it cannot be stored.
	"""
	since, row = clock.utc_now(), row_of(product)
	choices = _first_choices(product.name, product.vendor_name)
	values = fitting(DOCTYPE)({"pax8_id": product.id, **row, **choices})
	upsert(DOCTYPE, [(product.id, {**values, "fingerprint": fingerprint(row)})], insert_only=_INSERT_ONLY)
	vendors.note([product.id], since)
	return values["vendor"]


def store_placeholder(product_id: str, name: str | None) -> None:
	"""Stores what little is known of a product that Pax8 no longer lists but somebody still owns."""
	choices = _first_choices(name, None)
	values = fitting(DOCTYPE)(
		{"pax8_id": product_id, "product_name": name or product_id, "discontinued": 1, **choices}
	)
	upsert(DOCTYPE, [(product_id, values)], insert_only=[*_INSERT_ONLY, "product_name"])


def _first_choices(name: str | None, vendor: str | None) -> Row:
	"""What a new product starts with."""
	return {
		"first_synced_on": clock.utc_now(),
		"known_vendor": vendor,
		"category": guess_category(name, vendor),
		"visible": 0,
		"featured": 0,
		"usage_class": "Unknown",
		"usage_class_set_by_staff": 0,
	}


def _reread(pax8: Pax8Client, mirror: Mirror, name: str) -> bool:
	try:
		product = pax8.product(name)
	except NotFound:
		return False
	_add(mirror, product)
	return True
