"""The sentences for every code of the rules: what a client is told, and what staff are told.

Each function returns the English sentence with `{placeholders}` and the values for them, so that whoever shows it can
translate first and fill in afterwards. A client learns why something is refused, with the numbers; of a hold it learns
only that it waits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msp_licensing.rules.policy import Decision, Outcome
from msp_licensing.rules.statuses import UNKNOWN_STATUS, status_rule, term_rule
from msp_licensing.rules.usage_class import Reason


class Sentence(NamedTuple):
	"""A sentence with `{placeholders}`, and the values for them. Dates are ISO text (`2026-03-31`)."""

	msgid: str
	values: dict[str, Any]

	def __str__(self) -> str:
		return self.msgid.format(**self.values)


def _(text: str) -> str:
	"""Mark a sentence for the collectors of translatable texts; it is translated where it is shown."""
	return text


_CLIENT_REFUSALS = {
	"client_disabled": _("Your provider has paused changes for your company. Please contact them."),
	"self_service_off": _("Changes to this subscription go through your provider. Please contact them."),
	"vanished": _("This subscription is no longer listed by the supplier. Please contact your provider."),
	# Where the table of statuses and terms (rules/statuses.py) has no words of its own.
	"not_active": UNKNOWN_STATUS.reason or "",
	"billing_term": _("Changes to this subscription go through your provider. Please contact them."),
	"ended": _("This subscription ended on {end_date}."),
	"future_start": _("This subscription starts on {start_date} and cannot be changed before."),
	"usage_based": _("This subscription is billed by usage and has no quantity to change."),
	"follows_parent": _("The quantity of this add-on follows the subscription it belongs to."),
	"missing": _("Enter the total number of licenses you want."),
	"not_whole": _("Enter the total as a whole number, with digits only."),
	"below_one": _("Enter at least 1. To cancel a subscription, contact your provider."),
	"too_large": _("The number is too large. The highest that can be entered is {limit}."),
	"same_quantity": _("You already have {current}."),
	"below_minimum": _(
		"You can reduce this subscription to {minimum} at the lowest; you asked for {wanted}."
	),
	"above_maximum": _(
		"You can increase this subscription to {maximum} at the most; you asked for {wanted}."
	),
	"open_request": _(
		"There is already an open request for this subscription. Withdraw it to ask for another."
	),
	"committed_until": _(
		"This subscription is committed until {commitment_end} and cannot be reduced before. "
		"You can ask for the change at the end of the term."
	),
	"no_decrease": _("Only a reduction can wait for the end of the term. Please ask for the change now."),
	"no_term_end": _(
		"This subscription has no running term whose end is known. Please ask for the change now."
	),
	"commitment_no_increase": _(
		"This subscription is committed until {commitment_end} and cannot be increased before."
	),
}
_CLIENT_HELD = _("Waiting for your provider")
_CLIENT_RELEASED = _("This change needs no approval.")
_CLIENT_UNKNOWN = _("This change is not possible here. Please contact your provider.")

_STAFF = {
	"client_disabled": _("Refused: the client is disabled."),
	"self_service_off": _("Refused: self-service is off for this subscription."),
	"vanished": _("Refused: the last complete sync no longer found this subscription."),
	"not_active": _("Refused: the status is {status}; only Active can be changed."),
	"ended": _("Refused: the subscription ended on {end_date}."),
	"future_start": _(
		"Refused: the subscription starts on {start_date}, and Pax8 changes none before its start."
	),
	"usage_based": _("Refused: the product is billed by usage."),
	"billing_term": _(
		"Refused: the billing term is {billing_term}, and such a subscription has no quantity to change."
	),
	"follows_parent": _("Refused: the quantity follows the parent subscription {parent_id}."),
	"missing": _("Refused: no quantity was given."),
	"not_whole": _("Refused: “{wanted}” is not a whole number."),
	"below_one": _("Refused: the quantity must be at least 1."),
	"too_large": _("Refused: the quantity is above {limit}."),
	"same_quantity": _("Refused: the quantity is {current} already."),
	"below_minimum": _("Refused: {wanted} is below the minimum of {minimum}."),
	"above_maximum": _("Refused: {wanted} is above the maximum of {maximum}."),
	"open_request": _("Refused: another request on this subscription is open."),
	"committed_until": _(
		"Refused: committed until {commitment_end}, and the product allows no decrease before."
	),
	"no_decrease": _("Refused: only a decrease can wait for the end of the term."),
	"no_term_end": _("Refused: no term is running whose end is known, so there is nothing to wait for."),
	"commitment_no_increase": _(
		"Refused: committed until {commitment_end}, and the product allows no increase before."
	),
	"vendor_override": _("Held: every change of {vendor} needs approval."),
	"product_always": _("Held: every change of this product needs approval."),
	"unknown_vendor": _("Held: the vendor is not known, so the vendor overrides cannot be checked."),
	"subscription_always": _("Held: this subscription always needs approval."),
	"decreases_need_approval": _("Held: {current} → {wanted} is a decrease, and decreases need approval."),
	"unknown_term": _("Held: the billing term “{billing_term}” is not known."),
	"require_approval": _("Held: approval is required by default."),
	"unknown_usage_class": _(
		"Held: it is not known whether the product is sold by the seat or billed by usage."
	),
	"unknown_quantity": _("Held: the current quantity is not known."),
	"zero_quantity": _("Held: the current quantity is {current}, so the change has no percentage."),
	"commitment_unknown": _(
		"Held: whether the commitment (until {commitment_end}) allows a decrease now is not known: Pax8 may refuse."
	),
	"amount_unknown": _(
		"Held: the client's price is not known in the currency of the limits ({currency}), so they cannot be checked."
	),
	"amount_per_change": _(
		"Held: {current} → {wanted} adds {amount} {currency} per billing term, more than the limit of {most} {currency}."
	),
	"month_unknown": _(
		"Held: for some earlier changes of this client in this month ({uncounted}) no price in {currency} is known, so the limit per month cannot be checked."
	),
	"amount_per_month": _(
		"Held: with it, {total} {currency} per billing term would have been added for this client in this month, more than the limit of {most} {currency}."
	),
	"threshold": _(
		"Held: {current} → {wanted} is a change of {change_percent} %, above the threshold of {threshold} %."
	),
	"threshold_window": _(
		"Held: together with what was released since {since}, {base} → {wanted} is a change of {together_percent} %, above the threshold of {threshold} %."
	),
	"free_seats": _(
		"Released: {current} → {wanted} is a change by no more than {free_seats}, which is always fine."
	),
	"within_threshold": _(
		"Released: {current} → {wanted} is a change of {change_percent} %, within the threshold of {threshold} %."
	),
	"no_approval_needed": _("Released: approval is not required by default, and no threshold is set."),
}

# "vendor_override", where the vendor was known by that name, and has another at Pax8 now.
_STAFF_KNOWN_VENDOR = _(
	"Held: every change of {vendor} needs approval. Pax8 now says “{now}”; until somebody confirms that name, both count."
)
_STAFF_VENDOR_GONE = _(
	"Held: every change of {vendor} needs approval, and this product was known to be of {vendor}. Pax8 names no vendor now."
)

# "commitment_unknown", where Pax8 shows no end that could be named.
_STAFF_UNKNOWN_END = _(
	"Held: whether a commitment allows a decrease now is not known, since Pax8 shows no end of one: Pax8 may refuse."
)

# Why a commitment lets a change pass, bars it, or leaves it open.
_COMMITMENT = {
	"no_commitment": _("Pax8 shows no running commitment."),
	"over": _("The commitment ended on {commitment_end}."),
	"allowed": _("Committed until {commitment_end}; the product allows it before."),
	"renewal_window": _("The renewal window is open until {until}."),
	"return_window": _("The vendor takes these licenses back until {until}."),
	"locked": _("Committed until {commitment_end}, and no window is open."),
	"no_increase": _("Committed until {commitment_end}; the product allows no increase before."),
	"unknown": _("Committed until {commitment_end}; whether a decrease is allowed is not known."),
	"last_day": _("{until} is the last day of a window: Pax8 may refuse."),
	"perhaps_renewed": _(
		"The commitment ended on {commitment_end}, and may have renewed since: Pax8 may refuse."
	),
	"vendor_changed": _(
		"The vendor's name has changed at Pax8, and the return windows of its names differ: Pax8 may refuse."
	),
	"hidden": _(
		"The vendor takes licenses back for some days only, and Pax8 may not show the commitment of a monthly plan."
	),
}

_USAGE = {
	"usage_summaries": _("Pax8 reports usage for it (resource groups: {count})."),
	"arrears_lines": _("It was invoiced in arrears (invoice lines: {count})."),
	"arrears_sku": _("Its SKU {sku} marks a product that is billed in arrears."),
	"arrears_term": _("Pax8 bills it in arrears."),
	"usage_sku": _("Its SKU {sku} is one that usage is billed under."),
	"reservation": _("“{word}” stands for a reservation: a commitment to use something, and no seat."),
	"no_price": _("Pax8 gives no price for it."),
	"price_incomplete": _("Some prices are 0 and others are missing."),
	"priced": _("It has a price per unit."),
	"priced_meter": _("It has a price per {units}: this can be a prepaid pack or a meter."),
	"priced_meter_word": _("It has a price, but “{word}” in its name suggests that it is billed by usage."),
	"some_rates_zero": _(
		"Some of its rates are 0 and others are not: it may be billed by what exceeds an allowance."
	),
	"markup_only": _("Its rates are mark-ups. They do not say how it is counted."),
	"zero_rates": _("All its rates are 0."),
	"free_context": _("“{word}” suggests that it is free for another reason than usage."),
	"amount_in_name": _("“{amount}” in its name is a fixed amount, so it may be a free pack and no meter."),
	"metered_unit": _("It is measured in {units}."),
	"metered_family": _("What {word} measures is billed by usage."),
	"nothing_metered": _(
		"Its name does not say that it is billed by usage: it may be a trial, or included in something else."
	),
	"meter_word": _("“{word}” in its name says that it is billed by usage."),
	"usage_container": _("“{word}” in its name says that usage is billed under it."),
	"other_unit": _("Its unit ({units}) does not say whether something is counted or measured."),
	"plain_unit": _("Its unit is that of a seat, so the rates may be 0 for another reason than usage."),
}

_LIMITS = {
	"limit_not_whole": _("Minimum and maximum must be whole numbers."),
	"limit_negative": _("Minimum and maximum cannot be negative."),
	"limit_too_large": _("Minimum and maximum cannot be above 1,000,000."),
	"min_above_max": _("The minimum is above the maximum: no quantity would ever be accepted."),
	"threshold_not_number": _("The threshold must be a number."),
	"threshold_negative": _("The threshold cannot be negative."),
	"threshold_too_large": _("The threshold cannot be above 1,000,000 %."),
	"free_seats_wrong": _("The number of licenses that is always fine must be between 0 and 1,000,000."),
	"window_wrong": _("Changes can count together for 0 to 366 days."),
	"amount_negative": _("Limits in money cannot be negative."),
	"currency_missing": _("Please choose the currency of the limits in money."),
}


def client_sentence(decision: Decision) -> Sentence:
	"""Return what the client is told about a decision.

	A refusal names the rule and its numbers. A hold is always the same sentence without values: which rule held a
	request, and how close it was, is the provider's business.
	"""
	if decision.outcome is Outcome.HELD:
		return Sentence(_CLIENT_HELD, {})
	if decision.outcome is Outcome.RELEASED:
		return Sentence(_CLIENT_RELEASED, {})
	if decision.rule == "not_active":
		return Sentence(
			status_rule(decision.numbers.get("status")).reason or _CLIENT_REFUSALS["not_active"], {}
		)
	if decision.rule == "billing_term" and (term := term_rule(decision.numbers.get("billing_term"))):
		return Sentence(term.reason or _CLIENT_REFUSALS["billing_term"], {})
	msgid = _CLIENT_REFUSALS.get(decision.rule, _CLIENT_UNKNOWN)
	return _sentence(msgid, decision.numbers)


def staff_sentence(decision: Decision) -> Sentence:
	"""Return what staff are told about a decision: the outcome, the rule and its numbers."""
	if decision.rule == "vendor_override" and "now" in decision.numbers:
		message = _STAFF_KNOWN_VENDOR if decision.numbers["now"] else _STAFF_VENDOR_GONE
		return _sentence(message, decision.numbers)
	if decision.rule == "commitment_unknown" and not decision.numbers.get("commitment_end"):
		return _sentence(_STAFF_UNKNOWN_END, decision.numbers)
	return _sentence(_STAFF.get(decision.rule, decision.rule), decision.numbers)


def commitment_sentence(reason: str, numbers: dict[str, Any]) -> Sentence | None:
	"""Return the sentence for the reason of a `rules.commitments.Answer`, for staff; `None` for an unknown one."""
	msgid = _COMMITMENT.get(reason)
	return _sentence(msgid, numbers) if msgid else None


def usage_sentence(reason: Reason) -> Sentence:
	"""Return the sentence for one reason of a usage class."""
	return _sentence(_USAGE.get(reason.code, reason.code), reason.values)


def problem_sentence(code: str) -> Sentence:
	"""Return the sentence for a code of one of the validating functions in `rules.quantity`."""
	return Sentence(_LIMITS.get(code, code), {})


def _sentence(msgid: str, numbers: dict[str, Any]) -> Sentence:
	"""Keep only the values the sentence names: a client's sentence must not carry the rest."""
	values = {name: "?" if numbers.get(name) is None else numbers[name] for name in _placeholders(msgid)}
	return Sentence(msgid, values)


def _placeholders(msgid: str) -> list[str]:
	return [part.split("}", 1)[0] for part in msgid.split("{")[1:]]
