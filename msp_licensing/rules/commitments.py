"""What a commitment says about a change of quantity: now, at the end of the term, or "Pax8 may refuse: staff decides".

What is known, and where from:

- Pax8 gives the end of a subscription's commitment and, per product, what a commitment allows: flags for increases and
  decreases, and a renewal window in days before and after the end of a term (`/products/{id}/dependencies`).
- Pax8 gives no return window. Vendors have one (Microsoft: 7 calendar days from purchase or renewal, and each batch of
  licenses added in between has its own); it is kept in a table that staff edit. Of vendors not listed it is not known.
- A change made through the API takes effect at once: "at the end of the term" is kept on this side and made when due.
- That Pax8 shows no commitment does not prove that there is none: Microsoft's monthly plans have one, and show none.

Dates are calendar days. On the last day of a window the vendor's clock may have run out already: that day is nobody's
promise, and staff decide.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

from msp_licensing.rules.values import Added, SubscriptionFacts, Word, as_day, vendor_key


class When(Word):
	"""When a change can be made."""

	NOW = "Now"
	AT_TERM_END = "End of Term"
	STAFF = "Staff Decides"


@dataclass(frozen=True, slots=True)
class Terms:
	"""What is known of the commitment of one subscription.

	Attributes:
		committed: a commitment is known to exist, also where its end is not.
		end: last day of the term Pax8 shows; on that day it counts as over.
		start: the subscription's own start, the day of purchase.
		months: length of the term; `None` = not known.
		decrease, increase: what the product's option allows inside a term; `None` = not known.
		before, after: days of the renewal window around the end of a term; `None` = not known.
		renews: the commitment renews by itself; `None` = not known.
		renewed: the last renewal this site has seen; `None` = none seen.
		return_days: for how long the vendor takes licenses back; `None` = not known.
		added: how the quantity changed lately, in any order.
	"""

	committed: bool = False
	end: date | None = None
	start: date | None = None
	months: int | None = None
	decrease: bool | None = None
	increase: bool | None = None
	before: int | None = None
	after: int | None = None
	renews: bool | None = None
	renewed: date | None = None
	return_days: int | None = None
	added: tuple[Added, ...] = ()


class Answer(NamedTuple):
	"""When a change can be made, and why.

	Attributes:
		reason: a code: `no_commitment`, `over`, `allowed`, `renewal_window`, `return_window` (now); `locked`,
			`no_increase` (at the end of the term); `unknown`, `last_day`, `perhaps_renewed`, `hidden`, `vendor_changed` (staff decide).
		until: the end of the term, or the last day on which the change is possible for sure.
	"""

	when: When
	reason: str
	until: date | None = None


class Plan(NamedTuple):
	"""When a change for the end of a term is made.

	Attributes:
		due: the day of the change.
		last: the last day on which it is tried; `None` = no window is known, staff make it by hand.
	"""

	due: date
	last: date | None

	@property
	def by_hand(self) -> bool:
		return self.last is None


def may_change(terms: Terms, current: int | None, wanted: int, today: date | None) -> Answer:
	"""Return when a subscription of `current` licenses may have `wanted`; `current` `None` counts as a decrease.

	A day that is not known (`today` `None`) lies inside the term and outside of every window.
	"""
	if current is not None and wanted >= current:
		if running(terms, today) and terms.increase is False:
			return Answer(When.AT_TERM_END, "no_increase", terms.end)
		return Answer(When.NOW, "allowed" if running(terms, today) else "no_commitment", terms.end)
	if not running(terms, today) and not (terms.committed and terms.end is None):
		return _uncommitted(terms, current, wanted, today)
	return _committed(terms, current, wanted, today)


def running(terms: Terms, today: date | None) -> bool:
	"""Return whether a term is running whose end is known."""
	return terms.end is not None and (today is None or terms.end > today)


def _uncommitted(terms: Terms, current: int | None, wanted: int, today: date | None) -> Answer:
	"""A decrease while Pax8 shows no commitment, or one that has ended."""
	if terms.end is None:
		if not terms.return_days or terms.decrease is True:
			return Answer(When.NOW, "no_commitment")
		# The vendor takes licenses back for some days only: Pax8 may not show the commitment of a monthly plan.
		return _in_a_window(terms, current, wanted, today) or Answer(When.STAFF, "hidden")
	days = max(_days(terms.after), _days(terms.return_days), 1)
	if terms.renews is True and terms.decrease is not True and _place(terms.end, days, today) != INSIDE:
		# Pax8 may not have noticed the renewal; then the next term is running, and its window is over.
		return Answer(When.STAFF, "perhaps_renewed", terms.end)
	return Answer(When.NOW, "over", terms.end)


def _committed(terms: Terms, current: int | None, wanted: int, today: date | None) -> Answer:
	"""A decrease inside a term, or inside one whose end is not known."""
	if terms.decrease is True:
		return Answer(When.NOW, "allowed", terms.end)
	if answer := _in_a_window(terms, current, wanted, today):
		return answer
	if terms.return_days and term_start(terms) is None:
		return Answer(When.STAFF, "unknown", terms.end)
	if terms.decrease is False and terms.end is not None and current is not None:
		return Answer(When.AT_TERM_END, "locked", terms.end)
	return Answer(When.STAFF, "unknown", terms.end)


INSIDE, LAST_DAY, OUTSIDE = "inside", "last_day", "outside"


def _in_a_window(terms: Terms, current: int | None, wanted: int, today: date | None) -> Answer | None:
	"""The answer of the renewal and return windows, or `None` where today is in none of them."""
	before, after, back = _days(terms.before), _days(terms.after), _days(terms.return_days)
	if terms.end and today and before and terms.end - timedelta(before) <= today < terms.end:
		return Answer(When.NOW, "renewal_window", terms.end)
	began = term_start(terms)
	renewed = began is not None and (began == terms.renewed or (terms.start and began > terms.start))
	windows = [(began, back, "return_window"), (terms.start, back, "return_window")]
	if renewed:
		windows.insert(0, (began, after, "renewal_window"))
	for start, days, reason in windows:
		if start and _place(start, days, today) == INSIDE:
			return Answer(When.NOW, reason, start + timedelta(days - 1))
	for start, days, _reason in windows:
		if start and _place(start, days, today) == LAST_DAY:
			return Answer(When.STAFF, "last_day", start + timedelta(days))
	return _just_added(terms.added, back, current, wanted, today)


def _just_added(
	added: tuple[Added, ...], days: int, current: int | None, wanted: int, today: date | None
) -> Answer | None:
	"""Licenses added inside a term have a return window of their own, and only these can be given back in it."""
	lately = [entry for entry in added if _place(entry.on, days, today) != OUTSIDE]
	if current is None or current - wanted > _left(lately):
		return None
	sure = [entry for entry in lately if entry.dated and _place(entry.on, days, today) == INSIDE]
	if current - wanted <= _left(sure):
		return Answer(When.NOW, "return_window", min(entry.on for entry in sure) + timedelta(days - 1))
	return Answer(When.STAFF, "last_day", max(entry.on for entry in lately) + timedelta(days))


def _left(entries: Iterable[Added]) -> int:
	"""What is left of the licenses that were added: a decrease takes from them first."""
	left = 0
	for entry in sorted(entries, key=lambda entry: entry.on):
		left = max(left + entry.seats, 0)
	return left


def _place(began: date, days: int, today: date | None) -> str:
	"""Where `today` is in a window of `days` from `began`, which is day 0."""
	if today is None or days <= 0:
		return OUTSIDE
	passed = (today - began).days
	if 0 <= passed < days:
		return INSIDE
	return LAST_DAY if passed == days else OUTSIDE


def term_start(terms: Terms) -> date | None:
	"""Return the day on which the running term began, by purchase or renewal, or `None` where that is not known."""
	if terms.end is None:
		return terms.renewed or terms.start
	known = [day for day in (terms.renewed, terms.start) if day and day < terms.end]
	if terms.months:
		# A subscription whose end was aligned with another's began later than its term's length says.
		return max([months_before(terms.end, terms.months), *known])
	return terms.renewed if terms.renewed in known else None


def plan(end: date, before: int | None, after: int | None) -> Plan:
	"""Return when a decrease for the end of a term is made: after the renewal where Pax8 takes it then, else before.

	The last 24 hours of a window are not relied upon. The day after the end rather than the end itself, where the
	window is wide enough: on the day of the end the term is still running in some time zones.
	"""
	before, after = _days(before), _days(after)
	if after:
		return Plan(end + timedelta(1 if after > 1 else 0), end + timedelta(after - 1))
	if before:
		return Plan(end - timedelta(before), end - timedelta(1))
	return Plan(end, None)


def answer_for(
	facts: SubscriptionFacts,
	windows: Iterable[tuple[str, int]],
	current: int | None,
	wanted: int,
	today: date | None,
) -> Answer:
	"""Return when a change is possible, by every name of the vendor (see `SubscriptionFacts.known_vendors`).

	Where the names have return windows that lead to different answers, staff decide.
	"""
	windows = tuple(windows)
	terms = terms_of(facts, windows)
	days = dict.fromkeys(return_days(windows, name) for name in facts.vendor_names or (None,))
	answers = [may_change(replace(terms, return_days=each), current, wanted, today) for each in days]
	if len({answer.when for answer in answers}) > 1:
		return Answer(When.STAFF, "vendor_changed", terms.end)
	# Of two windows that are open, the one that closes first is sure.
	return min(answers, key=lambda answer: answer.until or date.max)


def sure_return_days(windows: Iterable[tuple[str, int]], facts: SubscriptionFacts) -> int | None:
	"""Return for how many days licenses can be given back by every name of the vendor; `None` = not known."""
	windows = tuple(windows)
	days = [return_days(windows, name) for name in facts.vendor_names]
	return min((each for each in days if each), default=None) if all(days) else None


def return_days(windows: Iterable[tuple[str, int]], vendor: object) -> int | None:
	"""Return the days of the vendor in a table of return windows; 0 and unlisted vendors are not known."""
	key = vendor_key(vendor)
	return next((_days(days) or None for name, days in windows if key and vendor_key(name) == key), None)


def months_before(day: date, months: int) -> date:
	"""Return the same day of an earlier month; its last one where the month is shorter.

	>>> months_before(date(2026, 3, 31), 1)
	datetime.date(2026, 2, 28)
	"""
	number = day.year * 12 + day.month - 1 - months
	year, month = divmod(number, 12)
	if year < 1:
		return date.min
	return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


TERM_MONTHS = {"Monthly": 1, "1-Year": 12, "Annual": 12, "2-Year": 24, "3-Year": 36, "5-Year": 60}
"""Length of a commitment by Pax8's word for it, as this app spells them."""


DEFAULT_RETURN_WINDOWS = (("Microsoft", 7),)
"""What the table of return windows begins with. Microsoft Learn, "Cancel a subscription": seats can be given back within
7 calendar days of purchase or renewal."""


def terms_of(facts: SubscriptionFacts, windows: Iterable[tuple[str, int]]) -> Terms:
	"""Return what `facts` tell of the commitment; `windows` are the vendors' return windows, in days."""
	return Terms(
		committed=bool(facts.has_commitment),
		end=as_day(facts.commitment_end),
		start=as_day(facts.start_date),
		months=_days(facts.commitment_months) or None,
		decrease=facts.decrease_allowed_in_commitment,
		increase=facts.increase_allowed_in_commitment,
		before=facts.renewal_days_before,
		after=facts.renewal_days_after,
		renews=facts.renews,
		renewed=as_day(facts.renewed_on),
		return_days=return_days(windows, facts.vendor),
		added=facts.added,
	)


def _days(value: object) -> int:
	"""A number of days, or of months, as it is stored; anything else is none."""
	return min(value, 3650) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
