"""What a policy means, in sentences with numbers. The numbers come from the function that decides real requests."""

from dataclasses import replace
from datetime import date
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, fmt_money

from msp_licensing import clock
from msp_licensing.changes import pricing
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.policy import (
	Outcome,
	Policy,
	Release,
	SubscriptionFacts,
	SubscriptionRule,
	decide,
	validate_options,
	validate_threshold,
)
from msp_licensing.rules.prices import PriceFrom
from msp_licensing.rules.words import problem_sentence

# The quantity the explanation starts from.
EXAMPLE = 10

_FACTS = SubscriptionFacts(status="Active", quantity=EXAMPLE, vendor="example", usage_class="Seat")
_RULE = SubscriptionRule(self_service="Allow", override_limits=True)
_EXEMPT = replace(_RULE, approval="Not by default")


def sentences(policy: Policy, settings: Any, *, client: bool = False) -> list[str]:
	"""What `policy` means for a client's change, or the one thing that is wrong with it.

	Args:
		settings: the Licensing Settings document, saved or not, that says where prices come from.
		client: the policy is that of one client, and shown elsewhere than the settings.
	"""
	if problem := validate_threshold(policy.threshold) or validate_options(policy):
		message, values = problem_sentence(problem)
		return [_(message).format(**values)]
	return [
		*_approval(policy),
		*_window(policy),
		*_amounts(policy, settings),
		*_client_approval(policy),
		*_always(client),
	]


def _approval(policy: Policy) -> list[str]:
	if policy.require_approval and not (policy.threshold_may_release and policy.threshold is not None):
		told = [_("Every change a client asks for waits for your approval.")]
		if policy.threshold is not None:
			told.append(
				_(
					'The threshold acts only on subscriptions whose own rule says "Not by default": {0}'
				).format(_threshold(policy))
			)
		return told
	if policy.threshold is None:
		told = [_("Changes are applied at once, however large they are.")]
		if policy.decreases_need_approval:
			told = [_("Increases are applied at once, however large they are. Every decrease waits.")]
		return told
	return [_threshold(policy)]


def _threshold(policy: Policy) -> str:
	up, down = _reach(policy, 1), _reach(policy, -1)
	if up == EXAMPLE and down == EXAMPLE:
		if policy.threshold:
			return _("With {0} licenses, every change waits.").format(EXAMPLE)
		return _("Every change waits for your approval.")
	told = [_("{0} → {1} is applied at once, {0} → {2} waits.").format(EXAMPLE, up, up + 1)]
	if policy.decreases_need_approval:
		told.append(_("Every decrease waits."))
	elif down > 1:
		told.append(_("{0} → {1} is applied at once, {0} → {2} waits.").format(EXAMPLE, down, down - 1))
	else:
		told.append(_("Every reduction is applied at once."))
	if policy.free_seats and _released(policy, 1, 1 + policy.free_seats):
		told.append(
			_("A change by up to {0} is always fine: 1 → {1} is applied at once.").format(
				policy.free_seats, 1 + policy.free_seats
			)
		)
	return " ".join(told)


def _window(policy: Policy) -> list[str]:
	if policy.threshold is None or not policy.window_days:
		return []
	up = _reach(policy, 1)
	if up == EXAMPLE:
		return []
	earlier = (Release(_today(), EXAMPLE, after=up),)
	further = next((n for n in range(up + 1, up + 1000) if not _released(policy, up, n, earlier)), None)
	if further is None:
		return []
	return [
		plural(
			policy.window_days,
			_(
				"Changes of one subscription within {0} day count together: after {1} → {2}, {2} → {3} waits. What you approve begins the count anew."
			),
			_(
				"Changes of one subscription within {0} days count together: after {1} → {2}, {2} → {3} waits. What you approve begins the count anew."
			),
		).format(policy.window_days, EXAMPLE, up, further)
	]


def _amounts(policy: Policy, settings: Any) -> list[str]:
	if policy.limit_per_change is None and policy.limit_per_month is None:
		return []
	told = []
	if policy.limit_per_change is not None:
		told.append(
			_("An increase waits if it adds more than {0} to what the client pays per billing term.").format(
				_money(policy.limit_per_change, policy)
			)
		)
	if policy.limit_per_month is not None:
		told.append(
			_(
				"All increases of a client that are applied without you in a calendar month may add {0}; what goes beyond waits."
			).format(_money(policy.limit_per_month, policy))
		)
	known, total = pricing.known_prices(settings, policy.limit_currency)
	if total:
		told.append(
			_(
				"The client's price is known in {0} for {1} of {2} active subscriptions ({3}). An increase of any other waits."
			).format(policy.limit_currency, known, total, _source(settings))
		)
	return told


def _source(settings: Any) -> str:
	source = settings.client_price_from or PriceFrom.OWN
	if source == PriceFrom.RETAIL:
		return _("their own price or the suggested retail price")
	if source == PriceFrom.COST:
		return _("their own price or the partner cost plus {0} %").format(
			frappe.format_value(settings.client_price_markup or 0, {"fieldtype": "Float"})
		)
	return _("their own price")


def _client_approval(policy: Policy) -> list[str]:
	above = policy.client_approval_above
	if above is None:
		return []
	if not above:
		return [_("Before that, an approver of the client itself agrees to every change, where it has one.")]
	return [
		_(
			"Before that, an approver of the client itself agrees, where it has one, to every change of more than {0} per billing term."
		).format(_money(above, policy))
	]


def _always(client: bool) -> list[str]:
	told = (
		_("Changes of the vendors chosen in Licensing Settings always wait.")
		if client
		else _("Changes of the vendors chosen below always wait.")
	)
	products = frappe.db.count("Pax8 Product", {"hold_changes": 1})
	if products:
		told += " " + plural(
			products,
			_("So do those of {0} product chosen in the catalog."),
			_("So do those of {0} products chosen in the catalog."),
		).format(products)
	return [told]


# --------------------------------------------------------------------------------------------- examples


def _reach(policy: Policy, direction: int) -> int:
	"""The furthest quantity from EXAMPLE, in one direction, that is released."""
	decision = decide(_priceless(policy), _EXEMPT, _FACTS, EXAMPLE + direction, today=_today())
	limit = next(step.numbers.get("limit") for step in decision.trace if step.rule == "threshold")
	furthest = max(1, EXAMPLE + direction * cint(limit))
	if furthest == EXAMPLE:
		return EXAMPLE
	return furthest if _released(policy, EXAMPLE, furthest) else EXAMPLE


def _released(policy: Policy, current: int, wanted: int, earlier: tuple[Release, ...] = ()) -> bool:
	facts = replace(_FACTS, quantity=current, releases=earlier)
	return decide(_priceless(policy), _EXEMPT, facts, wanted, today=_today()).outcome == Outcome.RELEASED


def _priceless(policy: Policy) -> Policy:
	"""The example has no price and no vendor that always waits: what these do is told by itself."""
	return replace(policy, limit_per_change=None, limit_per_month=None, vendor_overrides=())


def _money(amount: Any, policy: Policy) -> str:
	return f"{fmt_money(amount, precision=2)} {policy.limit_currency}"


def _today() -> date:
	return clock.pax8_today()
