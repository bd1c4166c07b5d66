"""The money on requests that nobody has sent yet follows the client's price.

A price changes with a sync (partner cost, retail price, currency, term), with the subscription's own price, or with the
settings. All open requests are compared at once, in a few queries; only those whose amount has changed are looked at.
A small move is only written down. A large one (`rules.price_drift.is_large`), or one that changes what the policy says,
goes back for a fresh decision: to the client's approver who had agreed to another amount, else to staff. What waits
already goes on waiting, with both amounts in it. Each is told once.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import frappe
from frappe import _
from frappe.utils import cint, flt, fmt_money

from msp_licensing import clock, transactions
from msp_licensing.changes import decide, notify, pricing, requests, states
from msp_licensing.changes.pricing import decimal
from msp_licensing.changes.requests import refuse
from msp_licensing.changes.states import (
	APPROVED,
	CLIENT_PENDING,
	DOCTYPE,
	FAILED,
	PENDING,
	SCHEDULED,
	WAITING,
)
from msp_licensing.rules.client_approval import step as client_step
from msp_licensing.rules.policy import Outcome, Verdict
from msp_licensing.rules.price_drift import Money, is_large, is_same, read

# Nothing has been sent in these. What has failed is sent again only if a person says so, and shows its price.
UNSENT = (CLIENT_PENDING, PENDING, SCHEDULED, APPROVED, FAILED)
RULE = "price_moved"

FIELDS = (
	"name",
	"subscription",
	"workflow_state",
	"source",
	"requested_by",
	"timing",
	"current_quantity",
	"requested_quantity",
	"approved_quantity",
	"currency",
	"unit_price",
	"amount_change",
	"decision",
	"decided_by",
	"client_approved_by",
)

SAME, SMALL, LARGE = "same", "small", "large"


# --------------------------------------------------------------------------------------------- finding


def notice(*, subscriptions: Iterable[str] = (), products: Iterable[str] = ()) -> None:
	"""Has a job look at all open requests, if there is one for these subscriptions or products, after the commit."""
	for field, names in (("subscription", list(subscriptions)), ("product", list(products))):
		if names and frappe.db.exists(DOCTYPE, {field: ("in", names), "workflow_state": ("in", UNSENT)}):
			return queue()
	return None


def queue(*, after_commit: bool = True) -> None:
	frappe.enqueue(
		"msp_licensing.changes.price_drift.run",
		queue="short",
		job_id="license-change-prices",
		deduplicate=True,
		enqueue_after_commit=after_commit,
	)


def run() -> int:
	"""Brings the money of all open requests up to the client's present prices; returns how many had another. Commits."""
	frappe.set_user("Administrator")
	count = 0
	for name in drifted():
		try:
			count += transactions.repeat(partial(_follow_and_commit, name))
		except Exception:
			frappe.db.rollback()
			frappe.log_error(title="Price of a request", reference_doctype=DOCTYPE, reference_name=name)
			frappe.db.commit()  # nosemgrep: keeps the log
	return count


def _follow_and_commit(name: str) -> bool:
	changed = follow(name) != SAME
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - a request at a time
	return changed


def drifted() -> list[str]:
	"""Open requests whose stored money is not that of today. The number of queries does not grow with their number."""
	rows = frappe.get_all(DOCTYPE, {"workflow_state": ("in", UNSENT)}, list(FIELDS), order_by="name asc")
	prices = pricing.prices_of([(row.name, row.subscription, *_quantities(row)) for row in rows])
	return [row.name for row in rows if not _is_written(row, prices.get(row.name))]


def _quantities(row: Any) -> tuple[int, int]:
	return cint(row.current_quantity), states.target_of(row)


def _is_written(row: Any, price: Any) -> bool:
	if price is None or not row.currency:
		return price is None and not row.currency
	return row.currency == price.currency and abs(decimal(row.unit_price) - price.amount) < Decimal("0.00005")


# --------------------------------------------------------------------------------------------- one request


def money_of(row: Any) -> Money:
	"""The money that a request (row or document) shows; an empty currency says that it is not known."""
	if not row.currency:
		return Money(None, None)
	return Money(Decimal(str(flt(row.amount_change, 6))), row.currency)


def _money(inputs: decide.Inputs) -> Money:
	amount = decide.amount_of(inputs)
	return Money(amount, inputs.facts.currency) if amount is not None else Money(None, None)


def follow(name: str, *, expect: tuple[str, ...] = UNSENT) -> str:
	"""Brings the money of one request up to the present price, and sends it back where that is called for.

	Locks the row; does not commit. A request whose quantity has moved as well is left to whoever follows that.

	Returns:
		`SAME`, `SMALL`, or `LARGE`: somebody has to look again.
	"""
	row = frappe.db.get_value(DOCTYPE, name, list(FIELDS), as_dict=True, for_update=True)
	if not row or row.workflow_state not in expect:
		return SAME
	subscription = frappe.db.get_value(
		"Pax8 Subscription", row.subscription, list(decide.FIELDS), as_dict=True
	)
	if not subscription or subscription.quantity != row.current_quantity:
		return SAME
	drift = _Drift(row, subscription)
	return drift.take() if not is_same(drift.before, drift.now) else SAME


class _Drift:
	"""What becomes of one request whose amount has changed, with its row locked."""

	def __init__(self, row: Any, subscription: Any) -> None:
		self.row, self.subscription = row, subscription
		self.inputs = self._inputs(states.target_of(row))
		self.before, self.now = money_of(row), _money(self.inputs)

	def _inputs(self, wanted: int) -> decide.Inputs:
		return decide.inputs_for(
			self.subscription, wanted, timing=self.row.timing or "Now", leave_out=self.row.name
		)

	def take(self) -> str:
		state, to = self.row.workflow_state, self._destination()
		large = is_large(self.before, self.now)
		if to == state and not (large and state in WAITING):
			frappe.db.set_value(DOCTYPE, self.row.name, decide.money(self.inputs))
			if large and state == SCHEDULED:
				self._tell("scheduled_changed")
			return LARGE if large else SMALL
		self._ask_again(to)
		return LARGE

	def _destination(self) -> str:
		state = self.row.workflow_state
		if state == FAILED:
			return state
		large = is_large(self.before, self.now)
		if self._client_is_asked(large):
			return CLIENT_PENDING
		if state in WAITING:
			return state
		by_a_person = bool(self.row.decided_by) or self.row.decision == "Direct"
		return PENDING if (large if by_a_person else self._is_held_now()) else state

	def _is_held_now(self) -> bool:
		"""Whether the policy releases the change at the old price, and not at the new one."""
		old = replace(
			self.inputs.facts,
			unit_price=decimal(self.row.unit_price) if self.row.currency else None,
			currency=self.row.currency or None,
		)
		released = Outcome.RELEASED
		return (
			self.inputs._replace(facts=old).decide().outcome is released
			and self.inputs.decide().outcome is not released
		)

	def _client_is_asked(self, large: bool) -> bool:
		"""Whether the client's approver has agreed to quite another amount, or now has to agree at all."""
		if self.row.source != "Portal" or not self._needs_client(self.now):
			return False
		return large if self.row.client_approved_by else not self._needs_client(self.before)

	def _needs_client(self, money: Money) -> bool:
		step = requests.client_step(self.subscription, self.inputs, self.row.requested_by)
		if step is None or step.rule != "client_approval":
			return False
		step = client_step(self.inputs.policy, money.amount, money.currency, has_approver=True)
		return step is not None and step.verdict is Verdict.HOLDS

	def _ask_again(self, to: str) -> None:
		"""It waits for a decision, on the wish as it was made, with both amounts in it."""
		row, values = self.row, {}
		inputs = self._inputs(row.requested_quantity)
		if to != row.workflow_state:
			values = {"approved_quantity": 0, "quantity_reason": None, "decided_by": None}
			values |= {"next_attempt_on": None, "handed_over_on": None, "attempts": 0}
			values |= clock.no_stamp("decided_on")
			values["quantity_change"] = row.requested_quantity - row.current_quantity
		if to == CLIENT_PENDING:
			values |= {"client_approved_by": None, "client_approved_on": None}
		words = price_words(self.before, _money(inputs))
		states.move(
			row.name,
			to,
			expect=(row.workflow_state,),
			event=RULE,
			told={"private": words},
			decision="Held",
			decision_rule=RULE,
			decision_summary=words,
			**decide.money(inputs),
			**values,
		)
		self._tell("price_moved")

	def _tell(self, event: str) -> None:
		doc = frappe.get_doc(DOCTYPE, self.row.name)
		before, now = self.before, money_of(doc)
		key = f"price {now or '–'}"
		notify.about(event, doc, key=key, what=lambda: price_words(before, now))


# --------------------------------------------------------------------------------------------- approvals


def check_seen(name: str, seen: str | None, *, expect: tuple[str, ...]) -> None:
	"""Refuses to go on with an approval that was given on another amount than the change costs now.

	Args:
		seen: the amount that was on the screen, as `str(Money)` writes it ("78.6 USD", or "" for "not known"); None: the
			caller names none, and what is stored counts as seen.

	Raises:
		ChangeRefused: the amount is another one, which the request shows from now on (committed).
	"""
	outcome = follow(name, expect=expect)
	row = frappe.db.get_value(DOCTYPE, name, ["workflow_state", "currency", "amount_change"], as_dict=True)
	if not row:
		return
	now = money_of(row)
	shown = read(seen) if seen is not None else None
	other = outcome == LARGE if seen is None else shown is None or not is_same(shown, now)
	if not other or (outcome == SAME and row.workflow_state not in expect):
		return
	frappe.db.commit()  # nosemgrep: frappe-manual-commit - the refusal that follows would roll it back
	refuse(_("The amount has changed: it is {0} now. Please look at the request again.").format(_shown(now)))


def renew(doc: Any) -> None:
	"""Writes the present money into a document that is being approved, by whichever door.

	Raises:
		ChangeRefused: it is quite another amount than the request shows; a job writes it down.
	"""
	subscription = frappe.db.get_value(
		"Pax8 Subscription", doc.subscription, list(decide.FIELDS), as_dict=True
	)
	if not subscription or subscription.quantity != doc.current_quantity:
		return
	inputs = decide.inputs_for(subscription, states.target_of(doc), leave_out=doc.name)
	now = _money(inputs)
	if is_large(money_of(doc), now):
		queue(after_commit=False)
		refuse(
			_("The amount has changed: it is {0} now. Please look at the request again.").format(_shown(now))
		)
	doc.update(decide.money(inputs))


def price_words(before: Money, now: Money) -> str:
	return _("The price has changed: this change costs {0} per billing term now. It was {1}.").format(
		_shown(now), _shown(before)
	)


def _shown(money: Money) -> str:
	if not money.known:
		return _("not known")
	return f"{fmt_money(money.amount, precision=2)} {money.currency}"
