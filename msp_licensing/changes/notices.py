"""Who is told what, and how: one table.

`NOTICES` has the events in the life of a License Change Request (`notify.about`), and for each of them a row for every
group of people that is told. The words are Email Templates (`wording.py`), the settings that a row names are in
Licensing Settings. Adding an event is adding a row here and a text in `templates/emails/notices`.
"""

from dataclasses import dataclass
from typing import Any

from msp_licensing.changes import states

# Groups of people (`people.py`).
REQUESTER = "requester"  # who asked, in the portal
COLLEAGUE = "colleague"  # who asked, in the desk
CONTACTS = "contacts"  # the client's other portal users, where the settings say so or the requester is gone
APPROVERS = "approvers"  # the client's own
MANAGERS = "managers"

# When a mail is sent, if no setting decides: the other value is the name of a field of Licensing Settings.
ALWAYS, NEVER = "always", "never"
# What such a field can say, besides "Each".
NO_NOTICE, DIGEST = "No Notice", "Daily Digest"


@dataclass(frozen=True)
class Notice:
	"""One row of the table.

	Args:
		to: the group that is told.
		text: the words, a key of `TEXTS`. What begins with "staff_" may say why a request was held and what Pax8
			answered; all others are for clients and may not.
		state: only for requests in this state.
		declined: only where the client's own approver declined (True), or did not (False).
		mail: ALWAYS, NEVER, or the field of Licensing Settings that says "Each", "Daily Digest" or "No Notice".
		bell_with_digest: whether the bell rings although the mail waits for the digest.
		assign: whether those who are told have to act: they are assigned until the request leaves its state.
	"""

	to: str
	text: str
	state: str | None = None
	declined: bool | None = None
	mail: str = ALWAYS
	bell_with_digest: bool = True
	assign: bool = False

	@property
	def for_staff(self) -> bool:
		return self.text.startswith("staff_")

	def concerns(self, doc: Any) -> bool:
		"""Whether the row is about a request as `doc` is now."""
		return (self.state is None or self.state == doc.workflow_state) and (
			self.declined is None or self.declined == bool(doc.client_declined)
		)


# Of two rows that reach the same person the first one counts: nobody is told twice of one event.
NOTICES: dict[str, tuple[Notice, ...]] = {
	# --- a decision is needed
	"client_pending": (Notice(APPROVERS, "client_approval_needed"),),
	"pending": (Notice(MANAGERS, "staff_pending", mail="pending_notice", assign=True),),
	"quantity_moved": (
		Notice(MANAGERS, "staff_quantity_moved", mail="pending_notice", assign=True),
		Notice(COLLEAGUE, "staff_quantity_moved"),
		Notice(REQUESTER, "client_quantity_moved"),
	),
	"price_moved": (
		Notice(MANAGERS, "staff_price_moved", state=states.PENDING, mail="pending_notice", assign=True),
		Notice(APPROVERS, "client_price_moved", state=states.CLIENT_PENDING),
		Notice(COLLEAGUE, "staff_price_moved"),
		Notice(REQUESTER, "client_price_moved"),
	),
	"reminder": (
		Notice(MANAGERS, "staff_reminder", state=states.PENDING),
		Notice(APPROVERS, "client_approval_reminder", state=states.CLIENT_PENDING),
	),
	# --- nobody's decision was needed
	"approved_by_itself": (
		Notice(MANAGERS, "staff_released", mail="auto_approved_notice", bell_with_digest=False),
	),
	# --- what became of it
	"outcome": (
		Notice(MANAGERS, "staff_problem", state=states.FAILED),
		Notice(MANAGERS, "staff_problem", state=states.NEEDS_REVIEW),
		Notice(COLLEAGUE, "staff_outcome"),
		*(
			Notice(group, text, state=state, declined=declined)
			for group in (REQUESTER, CONTACTS)
			for text, state, declined in (
				("client_applied", states.APPLIED, None),
				("client_rejected", states.REJECTED, False),
				("client_declined", states.REJECTED, True),
				("client_withdrawn", states.WITHDRAWN, None),
				("client_expired", states.EXPIRED, None),
				("client_failed", states.FAILED, None),
				("client_under_review", states.NEEDS_REVIEW, None),
			)
		),
	),
	# --- changes for the end of a term
	"scheduled": (
		Notice(COLLEAGUE, "staff_outcome"),
		Notice(REQUESTER, "client_scheduled"),
		Notice(CONTACTS, "client_scheduled"),
	),
	"scheduled_soon": (
		Notice(MANAGERS, "staff_scheduled_soon", mail=NEVER),
		Notice(REQUESTER, "client_scheduled_soon"),
		Notice(CONTACTS, "client_scheduled_soon"),
	),
	"scheduled_changed": (
		Notice(COLLEAGUE, "staff_scheduled_changed"),
		Notice(MANAGERS, "staff_scheduled_changed", mail=NEVER),
		Notice(REQUESTER, "client_scheduled_changed"),
	),
	# --- somebody has to see to it
	"by_hand": (Notice(MANAGERS, "staff_by_hand", assign=True),),
	"provisioning_slow": (Notice(MANAGERS, "staff_provisioning_slow"),),
}

# The words: file in templates/emails/notices, and the Email Template that an MSP rewords.
TEXTS: dict[str, str] = {
	"client_applied": "License Change to Client: Applied",
	"client_approval_needed": "License Change to Client: Approval Needed",
	"client_approval_reminder": "License Change to Client: Approval Reminder",
	"client_declined": "License Change to Client: Declined by Client",
	"client_expired": "License Change to Client: Expired",
	"client_failed": "License Change to Client: Failed",
	"client_price_moved": "License Change to Client: Price Changed",
	"client_quantity_moved": "License Change to Client: Quantity Moved",
	"client_rejected": "License Change to Client: Rejected",
	"client_scheduled": "License Change to Client: Scheduled",
	"client_scheduled_changed": "License Change to Client: Scheduled Changed",
	"client_scheduled_soon": "License Change to Client: Scheduled Soon",
	"client_under_review": "License Change to Client: Under Review",
	"client_withdrawn": "License Change to Client: Withdrawn",
	"staff_by_hand": "License Change to Staff: By Hand",
	"staff_digest": "License Change to Staff: Daily Digest",
	"staff_outcome": "License Change to Staff: Outcome",
	"staff_pending": "License Change to Staff: Pending",
	"staff_price_moved": "License Change to Staff: Price Changed",
	"staff_problem": "License Change to Staff: Problem",
	"staff_provisioning_slow": "License Change to Staff: Provisioning Slow",
	"staff_quantity_moved": "License Change to Staff: Quantity Moved",
	"staff_released": "License Change to Staff: Applied without Approval",
	"staff_reminder": "License Change to Staff: Reminder",
	"staff_scheduled_changed": "License Change to Staff: Scheduled Changed",
	"staff_scheduled_soon": "License Change to Staff: Scheduled Soon",
}
