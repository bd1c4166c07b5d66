"""The commitments a product offers and what each permits; those set from outside win over the product's own."""

from __future__ import annotations

from msp_licensing.sandbox.model import CommitmentOption, Product


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
