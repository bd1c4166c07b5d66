"""The commitments a product offers and what each permits; those set from outside win over the product's own.

What a term does not permit is possible all the same in the option's renewal window around its end, and within Microsoft's
seven days: of purchase, of renewal, and for licenses added meanwhile. No field of the API shows the latter.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msp_licensing.sandbox.dates import add_months
from msp_licensing.sandbox.model import TERM_MONTHS, CommitmentOption, Product, Subscription

_RETURN_WINDOWS = {"Microsoft": timedelta(days=7)}


def options_of(product: Product) -> tuple[CommitmentOption, ...]:
	"""The commitments that `GET /products/{productId}/dependencies` shows."""
	if product.dependencies_override is None:
		return product.commitments
	return tuple(
		CommitmentOption(
			str(row.get("id")),
			str(row.get("term")),
			increase=bool(row.get("allowForQuantityIncrease")),
			decrease=bool(row.get("allowForQuantityDecrease")),
			early_cancellation=bool(row.get("allowForEarlyCancellation")),
			auto_renew=bool(row.get("autoRenew", True)),
			window_before=_days(row.get("renewalWindowDaysBeforeTermEnd"), 0),
			window_after=_days(row.get("renewalWindowDaysAfterTermEnd"), 7),
		)
		for row in product.dependencies_override.get("commitmentDependencies") or []
	)


def permissions(product: Product | None, commitment_id: str, term: str) -> CommitmentOption:
	"""What a commitment permits: by its id, else by its term, else what none offers permits."""
	if product is None:
		return CommitmentOption(commitment_id, term)
	found = [option for option in options_of(product) if option.id == commitment_id] or [
		option for option in options_of(product) if option.term == term
	]
	# What was set from outside may leave out the commitment that a subscription is under.
	own = product.commitment(commitment_id, term)
	return found[0] if found else own or CommitmentOption(commitment_id, term)


def takes_back(subscription: Subscription, product: Product | None, quantity: int, now: datetime) -> bool:
	"""Whether a running commitment lets the quantity be decreased to `quantity` at this moment."""
	held = subscription.commitment
	if held is None or held.end <= now:
		return True
	permits = permissions(product, held.id, held.term)
	if permits.decrease or held.end - timedelta(days=permits.window_before) <= now:
		return True
	end = held.end.date()
	began = max(held.end + (add_months(end, -TERM_MONTHS.get(held.term, 12)) - end), subscription.start)
	if began > subscription.start and now < began + timedelta(days=permits.window_after):
		return True
	window = _RETURN_WINDOWS.get(product.vendor if product else "")
	if window is None:
		return False
	return now < began + window or quantity >= _quantity_at(subscription, now - window)


def _quantity_at(subscription: Subscription, moment: datetime) -> int:
	"""The quantity at a moment, as far as changes since are remembered."""
	quantity = subscription.quantity
	changed = subscription.updated
	for older in subscription.older or []:
		if changed is None or changed <= moment:
			break
		quantity, changed = older.quantity, older.updated
	return quantity


def _days(value: Any, otherwise: int) -> int:
	return value if isinstance(value, int) else otherwise
