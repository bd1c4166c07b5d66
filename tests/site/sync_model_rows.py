"""What the model looks at of a stored row, and what a row must be by Pax8's specification."""

from datetime import date
from decimal import Decimal
from typing import Any

SUBSCRIPTION_STAFF = {
	"self_service": "Inherit",
	"approval": "Inherit",
	"show_to_client": 1,
	"override_limits": 0,
	"min_quantity": 1,
	"max_quantity": 0,
}
PRODUCT_STAFF = ("visible", "featured", "category")

# What a change of a stored subscription is recorded as: column, and the flag without which it has no value.
RECORDED = {
	"quantity": ("Quantity", None),
	"status": ("Status", None),
	"billing_term": ("Billing Term", None),
	"commitment_term": ("Commitment Term", None),
	"commitment_end": ("Commitment End", None),
	"end_date": ("End Date", None),
	"price": ("Price", "has_price"),
	"partner_cost": ("Partner Cost", "has_partner_cost"),
	"currency": ("Currency", None),
	"pax8_company": ("Pax8 Company", None),
	"vanished": ("No Longer at Pax8", None),
}


class _Any:
	"""Equal to everything: what the model does not know."""

	def __eq__(self, other: object) -> bool:
		return True

	__hash__ = None  # type: ignore[assignment]

	def __repr__(self) -> str:
		return "anything"


ANY = _Any()
COLUMNS = {
	"Pax8 Company": ("company_name", "status", "vanished", "client"),
	"Pax8 Product": ("product_name", "vendor", "discontinued", *PRODUCT_STAFF),
	"Pax8 Subscription": (
		"pax8_company",
		"client",
		"product",
		"product_name",
		"vendor",
		"quantity",
		"status",
		"vanished",
		"parent_subscription",
		"billing_term",
		"start_date",
		"end_date",
		"commitment_term",
		"commitment_end",
		"currency",
		"price",
		"has_price",
		"partner_cost",
		"has_partner_cost",
		*SUBSCRIPTION_STAFF,
	),
}


def plain(value: Any) -> Any:
	if isinstance(value, float | Decimal):
		return Decimal(str(value)).quantize(Decimal("0.001")) + 0
	return value or None if isinstance(value, str) else value


def subscription_row(wire: dict[str, Any], vendor: str | None) -> dict[str, Any]:
	"""A stored subscription as the specification of the wire has it."""
	commitment = wire.get("commitmentTerm") or {}
	price, cost = wire.get("price"), wire.get("partnerCost")
	return {
		"pax8_company": wire["companyId"],
		"product": wire["productId"],
		"product_name": wire["productName"],
		"vendor": vendor,
		"quantity": wire["quantity"],
		"status": wire["status"],
		"vanished": 0,
		"parent_subscription": wire.get("parentSubscriptionId"),
		"billing_term": wire["billingTerm"],
		"start_date": day(wire.get("startDate")),
		"end_date": day(wire.get("endDate")),
		"commitment_term": commitment.get("term"),
		"commitment_end": day(commitment.get("endDate")),
		"currency": wire["currencyCode"],
		"price": plain(Decimal(str(price or 0))),
		"has_price": int(price is not None),
		"partner_cost": plain(Decimal(str(cost or 0))),
		"has_partner_cost": int(cost is not None),
	}


def day(text: str | None) -> date | None:
	return date.fromisoformat(text[:10]) if text else None


def told_as(column: str, row: dict[str, Any], flag: str | None) -> str | None:
	"""A value as an entry tells it; nothing where there is none."""
	value = row[column]
	if value is None or (flag and not row[flag]):
		return None
	if column == "vanished":
		return "1" if value else None
	return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def same(stored: dict[str, Any], expected: dict[str, Any]) -> None:
	found = {}
	for name in {**stored, **expected}:
		one, other = stored.get(name), expected.get(name)
		if one is None or other is None:
			found[name] = "is stored and should not be" if one else "is not stored"
		elif different := {c: (one[c], other[c]) for c in other if other[c] != one[c]}:
			found[name] = different
	assert not found, f"stored, and as it should be: {found}"
