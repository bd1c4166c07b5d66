"""Whether a client's own approver has to agree before the provider is asked."""

from __future__ import annotations

from decimal import Decimal

from msp_licensing.rules.values import Policy, Step, Verdict, plain

# Codes of the step in a trace: it waits (or need not), it was left out, it has been taken.
ASKED, LEFT_OUT, GIVEN = "client_approval", "no_client_approver", "client_approved"


def step(policy: Policy, amount: Decimal | None, currency: str | None, *, has_approver: bool) -> Step | None:
	"""Return what the client's own rule says about a change, for the trace; `None` where it is not used.

	Args:
		policy: `client_approval_above` and `limit_currency` are looked at.
		amount: what the change adds to what the client pays per billing term, negative for less; `None` = not known,
			which needs the approver: it might be more than allowed.
		currency: ISO code of `amount`; another than the limit's cannot be compared, and counts as not known.
		has_approver: whether the client has an approver who did not ask for this change.

	Returns:
		`client_approval`, which holds or passes; or, where nobody could approve, `no_client_approver`, which is skipped.
	"""
	above = policy.client_approval_above
	if above is None:
		return None
	numbers = {
		"above": plain(above),
		"limit_currency": policy.limit_currency,
		"amount": plain(amount),
		"currency": currency,
	}
	comparable = bool(currency) and currency == policy.limit_currency
	if above > 0 and comparable and amount is not None and abs(amount) <= above:
		return Step(ASKED, Verdict.PASSES, numbers)
	return Step(ASKED, Verdict.HOLDS, numbers) if has_approver else Step(LEFT_OUT, Verdict.SKIPPED, numbers)
