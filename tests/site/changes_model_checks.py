"""The promises, checked after every step against what the sandbox really did and not against what was answered."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from changes_model_policy import ASKED, HELD, REFUSED, RELEASED
from changes_model_tables import EDGES, LASTING, OPEN, READ, TERM_END, WAITING

OVER = ("Cancelled", "PendingCancel", "Converted", "Inactive", "Deleted")


class Truth(NamedTuple):
	"""What the sandbox holds of a subscription."""

	quantity: int
	status: str


@dataclass
class Intent:
	"""What a step sets out to do, and what it may do by the promises."""

	kind: str
	request: str | None = None
	subscription: str | None = None
	user: str | None = None
	verdicts: set[str] = field(default_factory=set)
	"""What may become of a wish, by the policy."""
	permitted: bool = False
	shown: int | None = None
	"""The quantity that a read in this step shows, where something outside changes it just before."""


class Release(NamedTuple):
	"""That a request may be sent: who released it, and on which numbers."""

	by: str
	base: int
	target: int


@dataclass
class Put:
	"""A write that reached the sandbox."""

	status: int | None
	done: bool
	read_since: bool = False


class Checks:
	"""What a World (changes_model) looks at after each step."""

	@contextmanager
	def told(self, where: str) -> Iterator[None]:
		try:
			yield
		except AssertionError as error:
			error.add_note(where)
			raise

	def check(self) -> None:
		before, self.rows = self.rows, self.look()
		self._check_puts(before, self.sandbox.calls())
		assert set(before) <= set(self.rows), "a request is gone"
		for name, row in self.rows.items():
			old = before.get(name)
			with self.told(f"{name}: {old and old.workflow_state} → {row.workflow_state}"):
				self._check_request(old, row)
		self._check_open()
		self._check_notices()
		self._check_events()

	def _check_request(self, before: Any, row: Any) -> None:
		"""That what became of a request in this step is one of the things that may."""
		intent, old, new = self.intent, before and before.workflow_state, row.workflow_state
		if before:
			changed = [column for column in LASTING if before[column] != row[column]]
			assert not changed, f"{changed} of a request changed"
			if before.current_quantity != row.current_quantity:
				self._check_moved(old, row)
		if old == new:
			return
		self.seen[f"{old} → {new}"] += 1
		assert (old, new) in EDGES.get(intent.kind, ()), f"{intent.kind} does not do this"
		if before is None:
			assert intent.subscription == row.subscription
		elif intent.request:
			assert row.name == intent.request, "another request than the one that was meant"
		if new in WAITING:
			self.waits_since[row.name] = self.site.utils.getdate()
		if new in ("Approved", "Scheduled") and old != "Applying":
			self._check_release(old, row)
		elif new in WAITING:
			self._check_waits(old, row)
		elif new == "Applied":
			self._check_applied(row)
		elif new == "Failed":
			done = any(put.done for put in self.puts.get(row.name, ()))
			# Provisioning that never ends is given up after weeks; what is Active was made.
			has = self.truth()[row.subscription]
			assert not done or has != Truth(self.target(row), "Active"), "Failed, and Pax8 made the change"
		elif new == "Expired":
			self._check_expired(old, row)
		elif new in ("Rejected", "Withdrawn"):
			gone = intent.kind == "look" and self._nothing_left(row)
			assert intent.permitted or gone, f"{intent.user} may not do this"
		if new in ("Rejected", "Withdrawn", "Expired"):
			self.released.pop(row.name, None)

	def _check_moved(self, old: str, row: Any) -> None:
		"""The number a decision is made on changes only where it is decided afresh."""
		if self.intent.kind == "moved":
			# Nothing is read here: it is what the last read has left.
			known = self.site.db.get_value("Pax8 Subscription", row.subscription, "quantity")
			assert row.current_quantity == known and not row.decided_by and not row.approved_quantity
		else:
			assert row.current_quantity == self.shown(row.subscription), "a number that was never so"
		if row.workflow_state == "Scheduled":
			assert RELEASED in self.intent.verdicts, "still scheduled, and the policy would not release it"
			self.released[row.name] = Release("policy", row.current_quantity, self.target(row))
			return
		assert row.workflow_state in WAITING, "the number of the decision changed without a new one"

	def _check_release(self, old: str | None, row: Any) -> None:
		intent, release = self.intent, self.released.get(row.name)
		if old == "Scheduled":
			by_person = release and release.by != "policy" and release.base == row.current_quantity
			assert by_person or RELEASED in intent.verdicts, f"due, and by the policy: {intent.verdicts}"
			by = release.by if by_person else "policy"
		elif intent.kind == "direct":
			assert intent.permitted, f"{intent.user} may not do this"
			assert (row.decision, row.decided_by) == ("Direct", intent.user)
			by = intent.user
		elif old in (None, "Pending Client Approval"):
			assert RELEASED in intent.verdicts, f"released without an approval; allowed: {intent.verdicts}"
			assert row.decision == "Auto-Approved" and not row.decided_by
			self._check_kept(row, RELEASED)
			by = "policy"
		else:
			assert intent.permitted, f"{intent.user} may not do this"
			assert row.decided_by == intent.user
			by = intent.user
		if old != "Scheduled" and old != "Failed":
			assert (row.workflow_state == "Scheduled") == (row.timing == TERM_END)
		self.released[row.name] = Release(by, row.current_quantity, self.target(row))

	def _check_waits(self, old: str | None, row: Any) -> None:
		self.released.pop(row.name, None)
		if old in (None, "Pending Client Approval") and self.intent.kind in ("submit", "agree"):
			assert self.intent.verdicts & {HELD, ASKED}, f"it waits; allowed: {self.intent.verdicts}"
			if row.decision_rule not in ("not_verified", "client_approval"):
				self._check_kept(row, HELD)
		elif self.intent.kind == "work":
			assert not row.decided_by and row.decision_rule == "quantity_moved"
			assert row.current_quantity == self.shown(row.subscription), "it waits with a number never so"

	def _check_applied(self, row: Any) -> None:
		truth = self.truth()[row.subscription]
		assert truth == Truth(self.target(row), "Active"), f"Applied, and Pax8 has {truth}"
		assert row.quantity_after == self.target(row) and row.applied_on
		stored = self.site.db.get_value("Pax8 Subscription", row.subscription, "quantity")
		assert stored == self.target(row), f"Applied, and the client is shown {stored}"

	def _nothing_left(self, row: Any) -> bool:
		truth = self.truth()[row.subscription]
		return truth.status in OVER or self.shown(row.subscription) < self.target(row)

	def _check_expired(self, old: str, row: Any) -> None:
		today = self.site.utils.getdate()
		if old == "Scheduled":
			from msp_licensing import clock

			assert clock.pax8_today() > row.term_end + timedelta(days=30), (
				"given up while somebody could still make it"
			)
			return
		last_day = self._last_day(row.name)
		assert last_day and today > last_day, f"expired on {today}, and its last day is {last_day}"

	def _last_day(self, name: str) -> date | None:
		"""The last business day on which a request that waits can be decided."""
		day, left = self.waits_since[name], self.policy["pending_expiry_days"]
		if not left:
			return None
		while left:
			day += timedelta(days=1)
			left -= day.weekday() < 5
		return day

	def _check_kept(self, row: Any, outcome: str) -> None:
		"""The decision can be made again from what is kept of it, by the policy as it was, and comes out the same."""
		from msp_licensing.changes import decide

		kept = decide.stored_facts(row)
		assert kept, "nothing is kept of the decision"
		again = kept.decide()
		assert (str(again.outcome).lower(), again.rule) == (outcome, row.decision_rule), (
			f"{outcome}, {row.decision_rule}; decided again: {again.outcome}, {again.rule}"
		)
		assert kept.facts.quantity == row.current_quantity
		assert str(kept.wanted) == str(row.requested_quantity) and kept.timing == row.timing
		policy = self._policy_for(row.subscription)
		threshold = policy["auto_approve_threshold"] if policy["use_auto_approve_threshold"] else None
		assert (kept.policy.threshold, kept.policy.require_approval, set(kept.policy.vendor_overrides)) == (
			threshold,
			bool(policy["require_approval_by_default"]),
			set(policy["vendors"]),
		)

	def _check_open(self) -> None:
		opened = Counter(row.subscription for row in self.rows.values() if row.workflow_state in OPEN)
		assert not [name for name, count in opened.items() if count > 1], f"two open requests: {opened}"
		for row in self.rows.values():
			wanted = row.subscription if row.workflow_state in OPEN else None
			assert row.open_subscription == wanted, f"{row.name} is {row.workflow_state}, and holds its place"

	def _check_events(self) -> None:
		"""The events of a request tell exactly the states it went through, in order, up to the one it is in."""
		from msp_licensing.changes.audit import events

		for name, rows in events.of(self.rows).items():
			with self.told(f"{name}: {[(row.event, row.from_state, row.to_state) for row in rows]}"):
				assert [row.number for row in rows] == list(range(1, len(rows) + 1)), "numbers are missing"
				assert rows[0].event in ("requested", "requested_by_staff")
				state = None
				for row in rows:
					if row.to_state:
						assert row.from_state == state and row.to_state != state, (
							"a step is missing or doubled"
						)
						state = row.to_state
				assert state == self.rows[name].workflow_state, "the last event is of another state"
				sent = sum(row.event == "sent" for row in rows)
				# With a token that has ended nothing is looked at: the same attempt goes on with a new one.
				written = [put for put in self.puts.get(name, ()) if put.status != 401]
				assert sent >= len(written), "a write has no event"

	def _check_notices(self) -> None:
		"""Nobody is told twice of one event: in the bell there is nothing twice that says the same at the same step."""
		told = self.site.db.sql(
			"""select request, event, recipient, unique_key, count(*) from `tabLicense Change Notice`
			group by unique_key having count(*) > 1"""
		)
		assert not told, f"told twice: {told}"

	# -------------------------------------------------------------------------------------------------- the writes

	def shown(self, subscription: str) -> int:
		"""The quantity that a read in this step showed."""
		shown = self.intent.shown
		return self.truth_before[subscription].quantity if shown is None else shown

	def _check_puts(self, before: dict[str, Any], calls: list[dict[str, Any]]) -> None:
		"""Each write belongs to a request that may be sent, on the numbers of its decision, and not for a second time."""
		for call in calls:
			subscription = call["path"].rsplit("/", 1)[-1]
			if call["operation"] == READ and call["status"] == 200 and not call["fault"]:
				for name, puts in self.puts.items():
					if puts and self.rows[name].subscription == subscription:
						puts[-1].read_since = True
			if call["method"] == "GET" or call["operation"] == "createAccessToken":
				continue
			assert call["operation"] == "updateSubscription", f"{call['operation']} was called"
			assert self.intent.kind == "work", f"{self.intent.kind} wrote to Pax8"
			assert self.mode == "Live", f"written in the mode {self.mode}"
			name = self.intent.request
			with self.told(f"{name}: {call}"):
				self._check_put(before[name], subscription, call)
			self.puts.setdefault(name, []).append(Put(call["status"], call["done"]))
			self.seen["written" if call["done"] else "a write without effect"] += 1

	def _check_put(self, row: Any, subscription: str, call: dict[str, Any]) -> None:
		release = self.released.get(row.name)
		assert release, "written without an approval"
		assert row.workflow_state in ("Approved", "Applying")
		assert subscription == row.subscription
		assert call["body"] == {"quantity": release.target}, "the absolute quantity and nothing else"
		assert self.shown(subscription) == release.base, "decided on another quantity than Pax8 had"
		for put in self.puts.get(row.name, ())[-1:]:
			assert not put.done, "written twice"
			refused = put.status is not None and 400 <= put.status < 500 and put.status != 408
			assert refused or put.read_since, "written again, without knowing what became of the first"


__all__ = ["REFUSED", "Checks", "Intent", "Put", "Release", "Truth"]
