"""Clients that have been merged, and each had a policy: managers are told, and make one of them.

Until then the strictest value of each option counts (`rules.strictest`).
"""

from collections.abc import Sequence
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing import links
from msp_licensing.changes import notify, people, policies
from msp_licensing.changes.policies import CLIENT_POLICY
from msp_licensing.clients import client_title
from msp_licensing.rules.policy import Policy, SelfService
from msp_licensing.rules.strictest import one_currency


def before_rename(doc: Any, method: str, old: str, new: str, merge: bool = False) -> None:
	"""Notes which of two clients have a policy, while that can be told (`doc_events`)."""
	frappe.flags.clients_with_policy = [
		bool(policies.own_policies(doc.doctype, client)) for client in (old, new)
	]


def after_rename(doc: Any, method: str, old: str, new: str, merge: bool = False) -> None:
	"""A client record has been renamed or, with `merge`, merged into another one (`doc_events`)."""
	had = frappe.flags.pop("clients_with_policy", None) or [True, True]
	own = policies.own_policies(doc.doctype, new) if merge else []
	if not own:
		return
	if not all(had):
		# What belonged to the client without a policy went by the settings.
		for one in own:
			frappe.db.set_value(CLIENT_POLICY, one.name, "settings_count_too", 1)
	if len(own) > 1 or not all(had):
		_tell(doc.doctype, new, own)


def _tell(client_doctype: str, client: str, own: Sequence[Any]) -> None:
	# User Permissions for the other record are for this one by now; Frappe's own clearing comes later.
	frappe.cache.delete_value("user_permissions")
	title = client_title(client_doctype, client)
	if len(own) > 1:
		subject = _("{0} has {1} licensing policies since clients were merged").format(title, len(own))
	else:
		subject = _("Look at the licensing policy of {0}: clients were merged").format(title)
	notify.tell(
		people.who_see_client(notify.managers(), client_doctype, client),
		doctype=CLIENT_POLICY,
		name=own[0].name,
		subject=subject[:140],
		message=frappe.render_template(  # nosemgrep: frappe-ssti - a template of this app
			"msp_licensing/templates/emails/policies_merged.html",
			{
				"subject": subject,
				"several": len(own) > 1,
				"link": links.form(CLIENT_POLICY, own[0].name),
			},
		),
	)


def of_client(doc: Any) -> list[Any]:
	"""All policies in effect for the client of a Licensing Client Policy, as documents, `doc` first."""
	names = [row.name for row in policies.own_policies(doc.client_doctype, doc.client)]
	return [doc, *(frappe.get_doc(CLIENT_POLICY, name) for name in names if name != doc.name)]


def keep(doc: Any) -> int:
	"""Disables the client's other policies; returns how many."""
	others = of_client(doc)[1:]
	for other in others:
		other.disabled = 1
		other.save()
	if doc.disabled or doc.settings_count_too:
		doc.disabled = doc.settings_count_too = 0
		doc.save()
	return len(others)


def make_one(doc: Any) -> int:
	"""Writes the strictest value of each option into one policy, and disables the others; returns how many.

	Raises:
		frappe.ValidationError: no single policy can say that, such as limits in two currencies.
	"""
	from msp_licensing.usage import alert_settings

	own = of_client(doc)
	base = policies.current_policy()
	together = policies.with_all(base, own)
	if not one_currency(together):
		frappe.throw(
			_("The limits in money are in different currencies ({0}). Choose them by hand.").format(
				escape_html(together.limit_currency)
			)
		)
	doc.update(_own_values(together, base, own) | alert_settings.strictest(own))
	doc.save()
	return keep(doc)


def _own_values(together: Policy, base: Policy, own: Sequence[Any]) -> dict[str, Any]:
	"""The fields of a Licensing Client Policy that say `together`; what all of `own` inherit stays inherited."""
	values: dict[str, Any] = {}
	for field in ("require_approval", "threshold_may_release", "decreases_need_approval"):
		values[field] = _switch(
			getattr(together, field), getattr(base, field), [one.get(field) for one in own]
		)
	if together.threshold != base.threshold or any(one.threshold_mode != "Inherit" for one in own):
		values["threshold_mode"] = "None" if together.threshold is None else "Own"
		values["threshold"] = float(together.threshold or 0)
	for flag, fields in (
		("override_free_seats", ("free_seats",)),
		("override_window", ("window_days",)),
		("override_limits", ("min_quantity", "max_quantity")),
	):
		if any(one.get(flag) for one in own):
			values |= {flag: 1, **{field: getattr(together, field) for field in fields}}
	if any(one.override_amounts for one in own):
		values |= {
			"override_amounts": 1,
			"limit_currency": together.limit_currency
			or next(filter(None, (o.limit_currency for o in own)), None),
			"limit_per_change": float(together.limit_per_change or 0),
			"limit_per_month": float(together.limit_per_month or 0),
		}
	if any(one.client_approval != "Inherit" for one in own):
		above = together.client_approval_above
		values["client_approval"] = "Not Needed" if above is None else "Needed"
		values["client_approval_above"] = float(above or 0)
	if any(one.self_service != SelfService.INHERIT for one in own):
		values["self_service"] = str(SelfService.ALLOW if together.allow_self_service else SelfService.DENY)
	return values


def _switch(value: bool, inherited: bool, chosen: list[str | None]) -> str:
	if value == inherited and all(one not in ("On", "Off") for one in chosen):
		return "Inherit"
	return "On" if value else "Off"
