"""What a client may do, by Pax8's status of a subscription and by its billing term: one table each.

Decisions, portal, desk and docs/user/change-requests.md go by these tables. A status that Pax8 may add one day is one in which
nothing can be asked for; a billing term it may add is one that staff decide about.

Facts (Pax8's OpenAPI, `Subscription.status` and `.billingTerm`): a status says how far provisioning is, and nothing about
billing. "Activated" is the end of a flow for a few products that are activated by hand, and not another word for
"Active". A change of quantity is only known to work while the status is `Active`.
"""

from __future__ import annotations

from typing import NamedTuple


def _(text: str) -> str:
	"""Mark a sentence for the collectors of translatable texts; it is translated where it is shown."""
	return text


class StatusRule(NamedTuple):
	"""One row of the table of statuses.

	Attributes:
		word: what the client reads for the status. tone: its colour in the portal.
		over: the subscription is over, and listed below the others.
		reason: why the client can ask for no change; `None` = changes can be asked for.
	"""

	word: str
	tone: str
	over: bool = False
	reason: str | None = None

	@property
	def may_change(self) -> bool:
		return self.reason is None


class TermRule(NamedTuple):
	"""One row of the table of billing terms: what the client reads, and why no change can be asked for, if so."""

	word: str
	reason: str | None = None

	@property
	def may_change(self) -> bool:
		return self.reason is None


_BEING_SET_UP = _(
	"Only an active subscription can be changed. This one is being set up: it can be changed once that is done."
)
_TRIAL = _(
	"Only an active subscription can be changed. This one is a trial: to keep it, contact your provider."
)
_BY_PROVIDER = _("Changes to this subscription go through your provider. Please contact them.")

STATUSES: dict[str, StatusRule] = {
	"Active": StatusRule(_("Active"), "good"),
	"Activated": StatusRule(_("Activated"), "good", reason=_BY_PROVIDER),
	"Trial": StatusRule(_("Trial"), "info", reason=_TRIAL),
	"PendingManual": StatusRule(_("Being set up"), "wait", reason=_BEING_SET_UP),
	"PendingAutomated": StatusRule(_("Being set up"), "wait", reason=_BEING_SET_UP),
	"PendingActivation": StatusRule(
		_("Waiting for activation"),
		"wait",
		reason=_(
			"Only an active subscription can be changed. This one has to be activated first: contact your provider."
		),
	),
	"WaitingForDetails": StatusRule(
		_("Waiting for details"),
		"wait",
		reason=_(
			"Only an active subscription can be changed. The supplier waits for details of this one: contact your provider."
		),
	),
	"PendingCancel": StatusRule(
		_("Being cancelled"),
		"wait",
		reason=_("Only an active subscription can be changed. This one is being cancelled."),
	),
	"Cancelled": StatusRule(
		_("Cancelled"), "quiet", True, _("Only an active subscription can be changed. This one is cancelled.")
	),
	"Converted": StatusRule(
		_("Replaced"),
		"quiet",
		True,
		_(
			"Only an active subscription can be changed. This trial has been replaced by another subscription."
		),
	),
	# Pax8's words for companies, met on subscriptions as well.
	"Inactive": StatusRule(
		_("Inactive"), "quiet", True, _("Only an active subscription can be changed. This one is inactive.")
	),
	"Deleted": StatusRule(
		_("Ended"), "quiet", True, _("Only an active subscription can be changed. This one has ended.")
	),
}
UNKNOWN_STATUS = StatusRule(
	_("Status not known"),
	"quiet",
	reason=_(
		"Only an active subscription can be changed. The status of this one is not known: contact your provider."
	),
)

TERMS: dict[str, TermRule] = {
	"Monthly": TermRule(_("Billed monthly")),
	"Annual": TermRule(_("Billed yearly")),
	"1-Year": TermRule(_("Billed yearly")),
	"2-Year": TermRule(_("Billed for 2 years")),
	"3-Year": TermRule(_("Billed for 3 years")),
	"5-Year": TermRule(_("Billed for 5 years")),
	"One-Time": TermRule(
		_("Paid once"),
		_("This was bought once, so its quantity cannot be changed. To buy more, contact your provider."),
	),
	"Activation": TermRule(_("Paid on activation"), _BY_PROVIDER),
	"Trial": TermRule(_("Free trial"), _TRIAL),
	"Arrears": TermRule(
		_("Billed by usage"), _("This subscription is billed by usage and has no quantity to change.")
	),
}


def status_rule(status: object) -> StatusRule:
	"""Return what counts for a status as Pax8 writes it, in whatever case; one that is not known allows nothing."""
	key = status.strip().casefold() if isinstance(status, str) else ""
	return _BY_STATUS.get(key, UNKNOWN_STATUS)


def term_rule(billing_term: object) -> TermRule | None:
	"""Return what counts for a billing term; `None` where Pax8 names none, or one that is not known."""
	key = billing_term.strip().casefold() if isinstance(billing_term, str) else ""
	return _BY_TERM.get(key)


_BY_STATUS = {name.casefold(): rule for name, rule in STATUSES.items()}
_BY_TERM = {name.casefold(): rule for name, rule in TERMS.items()}
