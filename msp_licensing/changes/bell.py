"""What the bell and a ToDo say: that something is there to be looked at, never what.

Frappe opens both to more people than those they are for. The record they lead to and the mail say the rest.
"""

from frappe import _

from msp_licensing import links


def sentence(text: str) -> str:
	"""One sentence for a text of `notices.TEXTS`, in the language of `frappe.local.lang`.

	It names no client, product or number, and gives no reason.
	"""
	return _sentences().get(text) or something()


def something() -> str:
	"""For whatever has no sentence of its own."""
	return _("MSP Licensing needs your attention.")


def link(*, for_staff: bool) -> str | None:
	"""Where the bell leads; None: to the record, as Frappe does it."""
	return None if for_staff else links.page("/licensing")


def _sentences() -> dict[str, str]:
	return {
		"client_applied": _("Your license change is made."),
		"client_approval_needed": _("A license change waits for your approval."),
		"client_approval_reminder": _("A license change still waits for your approval."),
		"client_declined": _("Your license change was declined by your company."),
		"client_expired": _("Your license change request has expired."),
		"client_failed": _("Your license change is not made yet."),
		"client_price_moved": _("The price of your license change request has changed."),
		"client_quantity_moved": _("Your license change request waits again."),
		"client_rejected": _("Your license change was not approved."),
		"client_scheduled": _("Your license change is planned."),
		"client_scheduled_changed": _("There is news about your planned license change."),
		"client_scheduled_soon": _("Your planned license change comes soon."),
		"client_under_review": _("Your license change is being checked."),
		"client_withdrawn": _("Your license change request was withdrawn."),
		"staff_by_hand": _("A license change is to be made by hand."),
		"staff_digest": _("There is news about license change requests."),
		"staff_outcome": _("There is news about your license change request."),
		"staff_pending": _("A license change request waits for a decision."),
		"staff_price_moved": _("A license change request has to be decided again."),
		"staff_problem": _("A license change needs your attention."),
		"staff_provisioning_slow": _("Pax8 is still provisioning a license change."),
		"staff_quantity_moved": _("A license change request has to be decided again."),
		"staff_released": _("A license change was applied without approval."),
		"staff_reminder": _("A license change request still waits for a decision."),
		"staff_scheduled_changed": _("A planned license change needs your attention."),
		"staff_scheduled_soon": _("A planned license change comes soon."),
	}
