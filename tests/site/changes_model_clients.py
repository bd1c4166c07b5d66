"""The steps of a history that clients take, and what the model expects to become of their wishes."""

import math
from datetime import timedelta
from typing import Any

from changes_model_policy import ASKED, HELD, REFUSED, RELEASED, Facts, Past, verdicts
from changes_model_tables import CEDARS, COMMITTED, NOW, READ, SUBSCRIPTIONS, TERM_END, WAITING, WITHDRAWABLE

from msp_licensing.sandbox import storybook
from msp_licensing.setup import demo

BECAME = {
	"Approved": RELEASED,
	"Scheduled": RELEASED,
	"Pending Approval": HELD,
	"Pending Client Approval": ASKED,
}


class Clients:
	"""What clients do in a World (changes_model). Each step takes whole numbers, any of them."""

	def submit(self, which: int, change: int, how: int, when: int) -> None:
		"""A client asks; now and then for a subscription that is not its own, from an old page, or twice."""
		subscription = SUBSCRIPTIONS[which % len(SUBSCRIPTIONS)]
		foreign, double, unread = how % 16 == 15, how % 3 == 2, how % 9 == 8
		own = subscription in CEDARS
		user = self.people.requester if own != foreign else self.people.foreign_requester
		committed = subscription in COMMITTED
		timing = TERM_END if when % (2 if committed else 20) == 0 else NOW
		known, true = self._facts_known(subscription), self._facts_true(subscription)
		wanted = self._wished(known.quantity, change)
		seen = (None, *(known.quantity,) * 8, known.quantity + 1)[how % 10]
		by_known = self._judged(subscription, known, wanted, timing=timing, user=user)
		if unread:
			self.sandbox.faults.add("status", READ, status=503, count=None)
			# Nobody could look, so somebody has to.
			said = {one if one in (REFUSED, ASKED) else HELD for one in by_known}
		elif true.quantity != (known.quantity if seen is None else seen) or by_known == {REFUSED}:
			said = {REFUSED}
		else:
			by_true = self._judged(subscription, true, wanted, timing=timing, user=user)
			said = by_true | (by_known & {REFUSED})
		if foreign or self.mode == "Off":
			said = {REFUSED}
		self.intent.kind, self.intent.subscription, self.intent.user = "submit", subscription, user
		self.intent.verdicts = said

		def ask() -> Any:
			from msp_licensing import permissions
			from msp_licensing.changes import requests

			access = permissions.portal_access(user)
			return requests.submit(
				subscription, str(wanted), access=access, seen_quantity=seen, timing=timing
			)

		made, refusal = self._act(user, ask)
		became = BECAME[made.workflow_state] if made else REFUSED
		assert became in said, f"{became} ({refusal or made.decision_rule}), and should have been {said}"
		self.seen[f"asked {timing}, {became}"] += 1
		# A page that was refused as too old is sent once more as it is, and is as old.
		if double and (made or seen is not None):
			_made, again = self._act(user, ask)
			assert again, "the second of a double click was taken, too"
			assert not made or type(again).__name__ == "AskedAlready", f"told of a double click: {again}"

	def withdraw(self, which: int, who: int) -> None:
		from msp_licensing import permissions
		from msp_licensing.changes import requests

		if not (row := self._pick(which)):
			return
		user = (self.people.requester, self.people.foreign_requester, self.people.reader)[who % 3]
		own = {self.people.requester: demo.CEDAR, self.people.foreign_requester: demo.MUELLER}.get(user)
		self.intent.kind, self.intent.request, self.intent.user = "withdraw", row.name, user
		self.intent.permitted = own == row.client and row.source == "Portal"
		_done, refusal = self._act(
			user, lambda: requests.withdraw(row.name, access=permissions.portal_access(user))
		)
		right = self.intent.permitted and row.workflow_state in WITHDRAWABLE
		assert (refusal is None) == right, f"{user}: {refusal or 'was let through'}"

	def agree(self, which: int, who: int, how: int) -> None:
		"""The client's own approver says yes, and the request is decided once more; at times it is somebody else."""
		from msp_licensing import permissions
		from msp_licensing.changes import client_approval

		if not (row := self._pick(which, "Pending Client Approval")):
			return
		user = self._somebody_at_the_client(row, who)
		true = self._facts_true(row.subscription)
		unread = how % 5 == 4
		facts = self._facts_known(row.subscription) if unread else true
		said = self._judged(
			row.subscription, facts, row.requested_quantity, timing=row.timing, leave_out=row.name
		)
		if unread:
			self.sandbox.faults.add("status", READ, status=503, count=None)
			said = {one if one == REFUSED else HELD for one in said}
		elif true.quantity != row.current_quantity:
			said = {REFUSED}
		waits = row.workflow_state == "Pending Client Approval"
		if not (self.intent.permitted and waits) or self.mode == "Off":
			said = {REFUSED}
		self.intent.kind, self.intent.request, self.intent.user = "agree", row.name, user
		self.intent.verdicts = said
		made, refusal = self._act(
			user, lambda: client_approval.approve(row.name, access=permissions.portal_access(user))
		)
		became = BECAME[made.workflow_state] if made else REFUSED
		assert became in said, f"{became} ({refusal or made.decision_rule}), and should have been {said}"
		self.seen[f"agreed, {became}"] += 1

	def decline(self, which: int, who: int) -> None:
		from msp_licensing import permissions
		from msp_licensing.changes import client_approval

		if not (row := self._pick(which, "Pending Client Approval")):
			return
		user = self._somebody_at_the_client(row, who)
		self.intent.kind, self.intent.request, self.intent.user = "decline", row.name, user
		_made, refusal = self._act(
			user, lambda: client_approval.decline(row.name, None, access=permissions.portal_access(user))
		)
		right = self.intent.permitted and row.workflow_state == "Pending Client Approval"
		assert (refusal is None) == right, f"{user}: {refusal or 'was let through'}"

	def _somebody_at_the_client(self, row: Any, who: int) -> str:
		people = self.people
		user = (*(people.approver,) * 6, people.requester, people.foreign_requester)[who % 8]
		self.intent.permitted = user == people.approver and row.client == demo.CEDAR
		return user

	# ------------------------------------------------------------------------------------------ what is expected

	def _judged(
		self,
		subscription: str,
		facts: Facts,
		wanted: int,
		*,
		timing: str = NOW,
		user: str | None = None,
		leave_out: str | None = None,
	) -> set[str]:
		"""What may become of a wish; with `user`, who asks, the client's own approver is thought of, too."""
		from msp_licensing import clock

		policy = self._policy_for(subscription)
		others = self._open_request(subscription) not in (None, leave_out)
		found = verdicts(
			policy,
			self.rules.get(subscription, self.usual_rule),
			facts,
			wanted,
			today=clock.pax8_today(),
			open_=others,
			at_term_end=timing == TERM_END,
			past=self._past(subscription, leave_out),
		)
		has_approver = subscription in CEDARS
		if user and has_approver and self._needs_the_clients_approval(policy, facts, wanted):
			found = {one if one == REFUSED else ASKED for one in found}
		return found

	def _needs_the_clients_approval(self, policy: dict[str, Any], facts: Facts, wanted: int) -> bool:
		if not policy["use_client_approval"]:
			return False
		above = policy["client_approval_above"]
		if not above or facts.price is None or facts.currency != "USD":
			return True
		return abs(wanted - facts.quantity) * facts.price > above

	def _policy_for(self, subscription: str) -> dict[str, Any]:
		return {**self.policy, **self.client_policies.get(self._client_of(subscription), {})}

	def _past(self, subscription: str, leave_out: str | None) -> list[Past]:
		"""What was released without an approval before, by each reading of where a window begins."""
		from msp_licensing import clock

		today = clock.pax8_today()
		rows = [row for row in self.rows.values() if row.name != leave_out and _counts(row)]
		mine = [row for row in rows if row.subscription == subscription]
		if decided := [row for row in mine if row.decided_by or row.decision == "Direct"]:
			# A person has looked at all there was: counting begins anew.
			mine = mine[mine.index(decided[-1]) + 1 :]
		mine = [row for row in mine if row.decision == "Auto-Approved"]
		month = [
			row
			for row in rows
			if row.client == self._client_of(subscription)
			and row.decision == "Auto-Approved"
			and not row.decided_by
			and (row.decided_on_utc.date() if row.decided_on_utc else today) >= today.replace(day=1)
			and self.target(row) > row.current_quantity
		]
		# An increase whose price nobody knew leaves no room for another.
		spent = sum(float(row.amount_change) if row.currency == "USD" else math.inf for row in month)
		days, found = self._policy_for(subscription)["window_days"], []
		for begin in (today - timedelta(days=days + more) for more in (-1, 0, 1)):
			within = [row for row in mine if _took_effect(row).date() >= begin]
			found.append(Past(within[0].current_quantity if within else None, spent))
		return found

	def _client_of(self, subscription: str) -> str:
		return demo.CEDAR if subscription in CEDARS else demo.MUELLER

	def _wished(self, quantity: int, change: int) -> int:
		usual = (1, -1, 2, -2, -3, 5, 30, quantity // 2, -(quantity // 2), quantity // 2 + 1)
		changes = (*usual, *usual, 0, 250, -quantity)
		return quantity + changes[change % len(changes)]

	def _facts_true(self, subscription: str) -> Facts:
		wire = self.sandbox.subscription(subscription)
		vendor = self.sandbox.product(wire["productId"])["vendorName"]
		return self._facts(subscription, wire["quantity"], wire["status"], vendor)

	def _facts_known(self, subscription: str) -> Facts:
		columns = ["quantity", "status", "vendor"]
		row = self.site.db.get_value("Pax8 Subscription", subscription, columns, as_dict=True)
		return self._facts(subscription, row.quantity, row.status, row.vendor)

	def _facts(self, subscription: str, quantity: int, status: str, vendor: str) -> Facts:
		"""With the commitment of the storybook: Business Basic may go down in it, Business Premium may not."""
		wire = self.sandbox.subscription(subscription)
		commitment = wire.get("commitmentTerm") or {}
		price = self.site.db.get_value("Pax8 Subscription", subscription, "client_price")
		held = self.site.db.get_value("Pax8 Product", wire["productId"], "hold_changes")
		return Facts(
			quantity=quantity,
			status=status,
			vendor=vendor,
			commitment_end=self.site.utils.getdate(commitment["endDate"][:10]) if commitment else None,
			may_decrease=True if subscription == storybook.CEDAR_BUSINESS_BASIC else None,
			price=price or None,
			currency=wire["currencyCode"],
			product_held=bool(held),
		)


def _counts(row: Any) -> bool:
	"""Whether what a request was released for has come about, or may still."""
	return row.workflow_state not in ("Pending Approval", "Rejected", "Withdrawn", "Expired", "Failed")


def _took_effect(row: Any) -> Any:
	return row.applied_on_utc or row.decided_on_utc or row.requested_on_utc


__all__ = ["BECAME", "WAITING", "Clients"]
