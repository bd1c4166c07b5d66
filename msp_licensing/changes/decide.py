"""Reads what a decision needs from the site, asks `rules.policy`, and puts the answer into words."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import frappe
from frappe import _
from frappe.utils import cint, fmt_money, formatdate, getdate

from msp_licensing import clients, clock
from msp_licensing.changes import pricing, releases, terms
from msp_licensing.changes.policies import current_policy, policies_for, policy_for
from msp_licensing.changes.states import DOCTYPE, OPEN
from msp_licensing.rules import words
from msp_licensing.rules.policy import (
	Decision,
	Policy,
	Release,
	SubscriptionFacts,
	SubscriptionRule,
	decide,
	parse_quantity,
)
from msp_licensing.rules.prices import ClientPrice, amount_change
from msp_licensing.rules.values import Added
from msp_licensing.rules.vendors import other_names
from msp_licensing.sync import vendors

__all__ = [
	"FIELDS",
	"PRODUCT_FIELDS",
	"Inputs",
	"amount_of",
	"client_words",
	"current_policy",
	"decide_for",
	"facts_of",
	"inputs_for",
	"policies_for",
	"policy_for",
	"record",
	"rule_of",
	"staff_words",
	"stored_facts",
	"trace_of",
]

# The fields of a Pax8 Subscription that a decision looks at.
FIELDS = (
	"name",
	"client_doctype",
	"client",
	"client_name",
	"pax8_company",
	"product",
	"product_name",
	"vendor",
	"quantity",
	"status",
	"vanished",
	"show_to_client",
	"billing_term",
	"parent_subscription",
	"start_date",
	"end_date",
	"commitment_end",
	"commitment_term",
	"commitment_term_id",
	"self_service",
	"approval",
	"override_limits",
	"min_quantity",
	"max_quantity",
)


# What of its Pax8 Product.
PRODUCT_FIELDS = (
	"usage_class",
	"commitment_options",
	"hold_changes",
	"follows_parent",
	"vendor",
	"known_vendor",
)


class Inputs(NamedTuple):
	"""Everything a decision is made from; the same inputs always give the same decision.

	Attributes:
		policy: the rules for the client, as they stood.
		wanted: the new total, as typed.
		today: the day of the decision, as Pax8 counts days (UTC).
		timing: "Now" or "End of Term".
	"""

	policy: Policy
	rule: SubscriptionRule
	facts: SubscriptionFacts
	wanted: Any
	today: date
	timing: str = "Now"

	def decide(self) -> Decision:
		return decide(self.policy, self.rule, self.facts, self.wanted, today=self.today, timing=self.timing)

	def as_dict(self) -> dict[str, Any]:
		return {
			"facts": self.facts.as_dict(),
			"rule": self.rule.as_dict(),
			"policy": self.policy.as_dict(),
			"wanted": self.wanted if isinstance(self.wanted, int | str | None) else str(self.wanted),
			"today": self.today.isoformat(),
			"timing": self.timing,
		}

	@classmethod
	def from_dict(cls, stored: Mapping[str, Any]) -> "Inputs":
		return cls(
			policy=Policy.from_dict(stored["policy"]),
			rule=SubscriptionRule.from_dict(stored["rule"]),
			facts=SubscriptionFacts.from_dict(stored["facts"]),
			wanted=stored["wanted"],
			today=date.fromisoformat(stored["today"]),
			timing=stored.get("timing") or "Now",
		)


def rule_of(subscription: Any) -> SubscriptionRule:
	return SubscriptionRule(
		self_service=subscription.self_service or "Inherit",
		approval=subscription.approval or "Inherit",
		override_limits=bool(cint(subscription.override_limits)),
		min_quantity=cint(subscription.min_quantity),
		max_quantity=cint(subscription.max_quantity),
	)


def facts_of(
	subscription: Any,
	*,
	product: Any = None,
	has_open_request: bool | None = None,
	price: ClientPrice | None = None,
	released: tuple[Release, ...] = (),
	client_released: tuple[Release, ...] = (),
	added: tuple[Added, ...] = (),
	renewed_on: date | None = None,
	renamed: Mapping[str, tuple[str, ...]] | None = None,
	client_disabled: bool | None = None,
) -> SubscriptionFacts:
	"""What is known of a subscription row (fields `FIELDS`).

	Args:
		product: PRODUCT_FIELDS of its Pax8 Product, where a caller has read many at once.
		has_open_request, client_disabled: the same for open requests, and for clients.
		renamed: the same for vendors with new names (`sync.vendors.renamed`).
		price, released, client_released, added, renewed_on: what only the decision on a number needs; see `inputs_for`.
	"""
	if product is None:
		product = frappe.db.get_value(
			"Pax8 Product", subscription.product, list(PRODUCT_FIELDS), as_dict=True
		)
	if has_open_request is None:
		has_open_request = bool(
			frappe.db.exists(DOCTYPE, {"subscription": subscription.name, "workflow_state": ("in", OPEN)})
		)
	if client_disabled is None:
		client_disabled = clients.client_disabled(subscription.client_doctype, subscription.client)
	return SubscriptionFacts(
		status=subscription.status,
		quantity=cint(subscription.quantity),
		vendor=subscription.vendor,
		known_vendors=_known_vendors(subscription, product, renamed),
		billing_term=subscription.billing_term,
		usage_class=product.usage_class if product else None,
		start_date=_date(subscription.start_date),
		end_date=_date(subscription.end_date),
		commitment_end=_date(subscription.commitment_end),
		has_commitment=bool(subscription.commitment_term or subscription.commitment_term_id),
		has_open_request=has_open_request,
		vanished=bool(cint(subscription.vanished)),
		parent_id=subscription.parent_subscription or None,
		follows_parent=bool(subscription.parent_subscription and product and cint(product.follows_parent)),
		always_held=bool(product and cint(product.hold_changes)),
		unit_price=price.amount if price else None,
		currency=price.currency if price else None,
		releases=released,
		client_releases=client_released,
		added=added,
		renewed_on=renewed_on,
		client_disabled=client_disabled,
		**terms.option_facts(subscription, product),
	)


def _known_vendors(
	subscription: Any, product: Any, renamed: Mapping[str, tuple[str, ...]] | None
) -> tuple[str, ...]:
	return other_names(
		subscription.vendor,
		at_pax8=product.vendor if product else None,
		known=product.known_vendor if product else None,
		renamed=vendors.renamed() if renamed is None else renamed,
	)


def inputs_for(
	subscription: Any,
	wanted: Any,
	*,
	timing: str = "Now",
	settings: Any = None,
	leave_out: str | None = None,
	today: date | None = None,
	**facts: Any,
) -> Inputs:
	"""What the decision on a client's wish for `wanted` licenses in all is made from, as things stand now.

	Args:
		subscription: a row with `FIELDS`.
		settings: a Licensing Settings document, saved or not; None: the site's.
		leave_out: name of a request that is decided once more, and stands in its own way nowhere.
		facts: see `facts_of`.
	"""
	today = today or clock.pax8_today()
	number = parse_quantity(wanted)
	after = number if isinstance(number, int) else None
	client = (subscription.client_doctype, subscription.client)
	policy = policy_for(*client, settings)
	found: dict[str, Any] = {
		"price": pricing.price_of(subscription.name, cint(subscription.quantity), after, settings=settings),
		"released": releases.of_subscription(subscription.name, leave_out=leave_out),
		**terms.lately(subscription.name, today),
	}
	if policy.limit_per_month is not None:
		found["client_released"] = releases.of_client(*client, today, leave_out=leave_out)
	if leave_out:
		found["has_open_request"] = False
	return Inputs(
		policy=policy,
		rule=rule_of(subscription),
		facts=facts_of(subscription, **{**found, **facts}),
		wanted=wanted,
		today=today,
		timing=timing,
	)


def decide_for(subscription: Any, wanted: Any, **facts: Any) -> Decision:
	"""The decision on a client's wish for `wanted` licenses in all, as things stand now; see `inputs_for`."""
	return inputs_for(subscription, wanted, **facts).decide()


def record(inputs: Inputs, decision: Decision) -> dict[str, Any]:
	"""The fields of a License Change Request that keep a decision: what it was made from, step by step, and the money.

	An empty currency says that the client's price is not known: an amount of 0 would say something else.
	"""
	return {"decision_trace": trace_of(decision), "decision_facts": facts_json(inputs), **money(inputs)}


def money(inputs: Inputs) -> dict[str, Any]:
	"""The fields of a request for the money: of the change that `inputs` ask for."""
	facts, change = inputs.facts, amount_of(inputs)
	return {
		"currency": facts.currency if change is not None else None,
		"unit_price": float(facts.unit_price) if facts.unit_price is not None and change is not None else 0,
		"amount_change": float(change) if change is not None else 0,
	}


def amount_of(inputs: Inputs) -> Decimal | None:
	"""What the change adds to what the client pays per billing term, in the currency of the facts; None: not known."""
	wanted = parse_quantity(inputs.wanted)
	return amount_change(
		inputs.facts.unit_price, inputs.facts.quantity, wanted if isinstance(wanted, int) else None
	)


def facts_json(inputs: Inputs) -> str:
	"""What a decision was made from, as it is stored on the request."""
	return json.dumps(inputs.as_dict())


def stored_facts(request: Any) -> Inputs | None:
	"""What the decision on a request (with `decision_facts`) was made from; None for requests of older versions."""
	try:
		return Inputs.from_dict(json.loads(request.decision_facts or "null") or {})
	except (KeyError, TypeError, ValueError):
		return None


# --------------------------------------------------------------------------------------------- words


def client_words(decision: Decision) -> str:
	"""What the client reads. A hold never tells which rule held."""
	message, values = words.client_sentence(decision)
	return _(message).format(**localized(values))


def staff_words(decision: Decision) -> str:
	message, values = words.staff_sentence(decision)
	return _(message).format(**localized(values))


def trace_of(decision: Decision) -> str:
	"""The trace as it is stored on the request (JSON)."""
	return json.dumps(
		[{"rule": step[0], "verdict": str(step[1]), "numbers": step[2]} for step in decision.trace],
		default=str,
	)


DATES = ("commitment_end", "until", "start_date", "end_date", "today", "since")
MONEY = ("amount", "total", "most", "above")


def localized(values: dict[str, Any]) -> dict[str, Any]:
	"""Dates, which the rules give in ISO form, and amounts in the reader's format."""
	shown = dict(values)
	for key, value in values.items():
		if value in (None, "?"):
			continue
		if key in DATES:
			shown[key] = formatdate(value)
		elif key in MONEY:
			# No currency sign, which several currencies share: the sentence names the code.
			shown[key] = fmt_money(value, precision=2)
	return shown


def _date(value: Any) -> date | None:
	return getdate(value) if value else None
