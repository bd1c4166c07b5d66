"""The steps of a history that staff take: they ask, decide, and change the rules."""

from collections.abc import Callable
from typing import Any

from changes_model_tables import (
	CLIENT_POLICIES,
	DT,
	MODES,
	NOW,
	POLICIES,
	PRICES,
	REJECTABLE,
	RULES,
	SUBSCRIPTIONS,
	TERM_END,
	USUAL_POLICY,
	USUAL_RULE,
)

from msp_licensing.setup import demo


class Staff:
	"""What staff do in a World (changes_model). Each step takes whole numbers, any of them."""

	usual_rule = USUAL_RULE

	def submit_for_staff(self, which: int, change: int, who: int) -> None:
		subscription, user = SUBSCRIPTIONS[which % len(SUBSCRIPTIONS)], self._manager(who)
		wanted = self._wished(self._facts_known(subscription).quantity, change)
		self.intent.kind, self.intent.subscription, self.intent.user = "submit_for_staff", subscription, user
		values = {"subscription": subscription, "requested_quantity": wanted, "staff_reason": "By phone"}
		timing = TERM_END if who % 4 == 3 else NOW

		def make() -> Any:
			return self.site.get_doc({"doctype": DT, **values, "timing": timing}).insert()

		waits = self._open_request(subscription)
		made, _refusal = self._act(user, make)
		assert not (made and waits), f"{made} was made beside {waits}"

	def approve(self, which: int, who: int, how: int) -> None:
		"""A manager approves: by the Workflow's action, by a plain save, by the API, or twice; at times it is no manager."""
		if row := self._pick(which, "Pending Approval"):
			scheduled = row.timing == TERM_END
			to = "Scheduled" if scheduled else "Approved"
			self._decide("approve", row, ("Schedule" if scheduled else "Approve"), to, who, how)

	def approve_another(self, which: int, who: int, change: int) -> None:
		"""A manager approves another quantity than the one asked for; now and then on a form that is old."""
		from msp_licensing.changes import staff

		if not (row := self._pick(which, "Pending Approval")):
			return
		user, quantity = self._manager(who), self._wished(row.current_quantity, change)
		seen = row.current_quantity + (change % 10 == 9)
		own = user in (row.requested_by, row.client_approved_by) and not self.policy["allow_self_approval"]
		self.intent.kind, self.intent.request, self.intent.user = "approve", row.name, user
		self.intent.permitted = not own
		made, refusal = self._act(
			user, lambda: staff.approve_another(row.name, str(quantity), "As agreed", seen_quantity=seen)
		)
		if refusal is None:
			assert row.workflow_state == "Pending Approval" and seen == row.current_quantity
			assert self.target(made) == quantity != row.requested_quantity
		self.seen["approved another quantity" if made else "not approved another quantity"] += 1

	def change_now(self, which: int, change: int, who: int) -> None:
		"""A manager makes a change at once, where the settings let them."""
		from msp_licensing.changes import staff

		subscription = SUBSCRIPTIONS[which % len(SUBSCRIPTIONS)]
		user = self.people.requester if who % 9 == 8 else self._manager(who)
		self.intent.kind, self.intent.subscription, self.intent.user = "direct", subscription, user
		self.intent.permitted = user != self.people.requester and bool(self.policy["allow_direct_changes"])
		waits = self._open_request(subscription)
		wanted = self._wished(self._facts_known(subscription).quantity, change)
		made, _refusal = self._act(user, lambda: staff.change_now(subscription, str(wanted), "Urgent"))
		assert not made or not waits, f"{made} was made beside {waits}"
		self.seen["changed at once" if made else "not changed at once"] += 1

	def reject(self, which: int, who: int, how: int) -> None:
		if row := self._pick(which, REJECTABLE[how % len(REJECTABLE)]):
			self._decide("reject", row, "Reject", "Rejected", who, how)

	def retry(self, which: int, who: int, how: int) -> None:
		if row := self._pick(which, "Failed"):
			self._decide("retry", row, "Retry", "Approved", who, how)

	def _decide(self, kind: str, row: Any, action: str, to: str, who: int, how: int) -> None:
		from frappe.model.workflow import apply_workflow

		from msp_licensing.changes import decisions

		begins = {"approve": ("Pending Approval",), "reject": REJECTABLE, "retry": ("Failed",)}[kind]
		way = ("action", "save", "twice", "api")[how % 4]
		if way == "save" and row.workflow_state == to:
			way = "action"
		if way == "api" and kind == "retry":
			way = "action"
		if way == "save" and to == "Approved" and row.workflow_state in ("Failed", "Pending Approval"):
			# A plain save names no action: what it is follows from where the request is.
			kind, begins = ("retry" if row.workflow_state == "Failed" else "approve"), (row.workflow_state,)
			if kind == "approve" and row.timing == TERM_END:
				begins = ()
		user = self.people.requester if who % 9 == 8 else self._manager(who)
		manager = user != self.people.requester
		own = user in (row.requested_by, row.client_approved_by) and not self.policy["allow_self_approval"]
		self.intent.kind, self.intent.request, self.intent.user = kind, row.name, user
		self.intent.permitted = manager and not (own and to != "Rejected")

		def save() -> Any:
			doc = self.site.get_doc(DT, row.name)
			doc.workflow_state = to
			return doc.save()

		def act() -> Any:
			return apply_workflow(self.site.get_doc(DT, row.name), action)

		def api() -> Any:
			return decisions.reject(row.name) if kind == "reject" else decisions.approve(row.name)

		_made, refusal = self._act(user, {"save": save, "api": api}.get(way, act))
		right = self.intent.permitted and row.workflow_state in begins and self._may_retry(row)
		assert (refusal is None) == right, f"{user}, {way}: {refusal or 'was let through'}"
		if right and way == "twice":
			_made, second = self._act(self._manager(who + 1), act)
			assert second, "the second click did it again"

	def _may_retry(self, row: Any) -> bool:
		"""Nothing else is open by now, and Pax8 provably has not done it."""
		if row.workflow_state != "Failed":
			return True
		return self._open_request(row.subscription) is None and bool(row.get("retryable", 1))

	# --------------------------------------------------------------------------------------------------- the rules

	def set_policy(self, which: int) -> None:
		self.save_settings(**{**USUAL_POLICY, **POLICIES[which % len(POLICIES)]})

	def save_settings(self, **values: Any) -> None:
		self.policy = {**USUAL_POLICY, **getattr(self, "policy", {}), **values}
		doc = self.site.get_doc("Licensing Settings")
		doc.update({name: value for name, value in self.policy.items() if name != "vendors"})
		doc.set("vendor_overrides", [{"vendor": vendor} for vendor in self.policy["vendors"]])
		doc.save()
		self.site.db.commit()

	def set_rule(self, which: int, value: int) -> None:
		name = SUBSCRIPTIONS[which % len(SUBSCRIPTIONS)]
		self.rules[name] = {**USUAL_RULE, **RULES[value % len(RULES)]}
		self.site.get_doc("Pax8 Subscription", name).update(self.rules[name]).save()
		self.site.db.commit()

	def set_client_policy(self, which: int, value: int) -> None:
		client = (demo.CEDAR, demo.MUELLER)[which % 2]
		own, means = CLIENT_POLICIES[value % len(CLIENT_POLICIES)]
		for name in self.site.get_all("Licensing Client Policy", {"client": client}, pluck="name"):
			self.site.delete_doc("Licensing Client Policy", name)
		values = {"client_doctype": demo.site_client_doctype(), "client": client, **own}
		self.site.get_doc({"doctype": "Licensing Client Policy", **values}).insert()
		self.site.db.commit()
		self.client_policies[client] = means

	def set_price(self, which: int, value: int) -> None:
		doc = self.site.get_doc("Pax8 Subscription", SUBSCRIPTIONS[which % len(SUBSCRIPTIONS)])
		doc.update({"client_price": PRICES[value % len(PRICES)]}).save()
		self.site.db.commit()

	def hold_product(self, which: int, value: int) -> None:
		product = self.sandbox.subscription(SUBSCRIPTIONS[which % len(SUBSCRIPTIONS)])["productId"]
		self.site.get_doc("Pax8 Product", product).update({"hold_changes": value % 2}).save()
		self.site.db.commit()

	def set_mode(self, which: int) -> None:
		self.mode = MODES[which % len(MODES)]
		self.site.db.set_single_value("Pax8 Settings", "mode", self.mode)
		self.site.clear_document_cache("Pax8 Settings", "Pax8 Settings")
		self.site.db.commit()

	# ------------------------------------------------------------------------------------------------------- tools

	def _act(self, user: str, act: Callable[[], Any]) -> tuple[Any, Exception | None]:
		"""What a web request does: all of it, or nothing and a refusal."""
		from frappe.model.workflow import WorkflowTransitionError

		site = self.site
		refusals = (
			site.PermissionError,
			site.DoesNotExistError,
			site.ValidationError,
			WorkflowTransitionError,
		)
		site.set_user(user)
		try:
			made = act()
			site.db.commit()
			return made, None
		except refusals as refusal:
			# Frappe itself says nothing to people who have no business with a document.
			silent = isinstance(refusal, site.PermissionError) and user == self.people.requester
			assert str(refusal).strip() or silent, f"{type(refusal).__name__} without a word"
			return None, refusal
		finally:
			site.db.rollback()
			site.set_user("Administrator")
			site.local.message_log = []

	def _manager(self, who: int) -> str:
		return (self.people.manager, self.people.second_manager)[who % 2]

	def _pick(self, which: int, state: str | None = None) -> Any:
		"""A request; more often than not one in `state`, or an open one."""
		rows = list(self.rows.values())
		fitting = [
			row for row in rows if row.workflow_state == state or (not state and row.open_subscription)
		]
		rows = fitting if fitting and which < 80 else rows
		return rows[which % len(rows)] if rows else None

	def _open_request(self, subscription: str) -> str | None:
		return next((row.name for row in self.rows.values() if row.open_subscription == subscription), None)
