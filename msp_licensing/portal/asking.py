"""What a client reads while typing a number: why it cannot be, what to know about it, and when it can be made.

Whether a change would be held is not told: that would teach the provider's limits. What the supplier allows is told.
Imports no Frappe: the same functions serve the portal and the preview.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from msp_licensing.portal.words import Formats, say
from msp_licensing.rules import commitments
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.policy import Decision, Outcome, Policy, SubscriptionFacts
from msp_licensing.rules.values import as_day
from msp_licensing.rules.words import client_sentence


def _(text: str) -> str:
	"""Mark a text for the collectors of translatable texts; `Formats.translate` translates it."""
	return text


_COMMITS = _("This subscription is committed until {date}: what you add now cannot be given back before.")
_COMMITS_WITH_RETURN = _(
	"This subscription is committed until {date}: what you add now can be given back within {days} day, "
	"and then not before that date."
)
_COMMITS_WITH_RETURNS = _(
	"This subscription is committed until {date}: what you add now can be given back within {days} days, "
	"and then not before that date."
)
_COMMITS_LOOSELY = _("This subscription is committed until {date}.")

_ONLY_LATE = _("This subscription is committed until {date}. It can be reduced when the term ends.")
_PERHAPS_NOW = _("The supplier may refuse this before {date}: your provider decides.")
_UNTIL = _("The supplier takes these licenses back until {date}; after that only when the term ends.")
_AT_TERM_END = _("At the end of the term, {date}")
_MADE_AFTER = _("It would be made on {date}, and can be withdrawn before.")


def checked(
	now: Decision,
	late: Decision,
	facts: SubscriptionFacts,
	policy: Policy,
	*,
	today: date,
	formats: Formats,
) -> dict[str, Any]:
	"""What to know about the number that was typed.

	Args:
		now, late: the decisions on it for now and for the end of the term.

	Returns:
		`ok`; `message` (why it cannot be); `hint`; `when`: None where there is nothing to choose, else `now` (whether the
		change can be asked for now), `end` (the words for the other choice) and `end_hint`.
	"""
	locked = now.outcome is Outcome.REFUSED and now.rule == "committed_until"
	if now.outcome is Outcome.REFUSED and not (locked and late.outcome is not Outcome.REFUSED):
		return {"ok": False, "message": say(client_sentence(now), formats), "hint": "", "when": None}
	return {
		"ok": True,
		"message": "",
		"hint": _hint(now, facts, policy, today, formats),
		"when": None
		if late.outcome is Outcome.REFUSED
		else _choice(facts, possible=not locked, formats=formats),
	}


def _choice(facts: SubscriptionFacts, *, possible: bool, formats: Formats) -> dict[str, Any]:
	end = as_day(facts.commitment_end)
	made = commitments.plan(end, facts.renewal_days_before, facts.renewal_days_after)
	t = formats.translate
	return {
		"now": possible,
		"end": t(_AT_TERM_END).format(date=formats.day(end)),
		"end_hint": t(_MADE_AFTER).format(date=formats.day(made.due)),
	}


def _hint(now: Decision, facts: SubscriptionFacts, policy: Policy, today: date, formats: Formats) -> str:
	end = as_day(facts.commitment_end)
	if not end or end <= today:
		return ""
	t = formats.translate
	if (now.numbers.get("change") or 0) > 0:
		days = commitments.sure_return_days(policy.return_windows, facts)
		words = plural(days, _COMMITS_WITH_RETURN, _COMMITS_WITH_RETURNS) if days else _COMMITS
		if facts.decrease_allowed_in_commitment:
			words = _COMMITS_LOOSELY
		return t(words).format(date=formats.day(end), days=days)
	step = next((step for step in now.trace if step.rule in ("committed_until", "commitment_unknown")), None)
	if step is None:
		return ""
	reason, until = step.numbers.get("reason"), as_day(step.numbers.get("until"))
	if reason == "locked":
		return t(_ONLY_LATE).format(date=formats.day(end))
	if step.rule == "commitment_unknown":
		return t(_PERHAPS_NOW).format(date=formats.day(end))
	if reason in ("return_window", "renewal_window") and until and until < end:
		return t(_UNTIL).format(date=formats.day(until))
	return ""
