"""Licensing Settings: what stands in the way, the vendors to choose from, and what the approval settings mean."""

import json
from typing import Any

import frappe
from frappe import _

from msp_licensing import permissions
from msp_licensing.changes import policies
from msp_licensing.clients import site_client_doctype
from msp_licensing.currencies import enabled
from msp_licensing.desk import meaning
from msp_licensing.frappe_version import count_as
from msp_licensing.rules.plurals import plural
from msp_licensing.rules.policy import effective_limits, validate_limits, vendor_key
from msp_licensing.rules.words import problem_sentence
from msp_licensing.sync import connection


@frappe.whitelist()
def banner() -> dict[str, Any] | None:
	"""What has to be done before the settings have any effect.

	Returns:
		`message`, `action` (a label), `route` and `filters` of the screen where it is done; None if nothing is missing.
	"""
	permissions.require_connection_manager()
	if permissions.is_restricted():
		return {
			"message": _(
				"These settings count for every client, so you can read them and not change them: "
				"your User Permissions restrict you to some clients."
			),
			"action": _("Your Clients"),
			"route": ["List", site_client_doctype(), "List"],
			"color": "blue",
		}
	return next_step()


def next_step() -> dict[str, Any] | None:
	"""What has to be done first, as `banner` returns it; None if nothing is missing, or others have to do it."""
	if permissions.is_restricted():
		return None
	if problem := connection.problem():
		return {
			"message": _("{0} Nothing can be shown or changed until it is.").format(problem),
			"action": _("Set Up Pax8"),
			"route": ["Form", "Pax8 Settings"],
			"color": "orange",
		}
	if frappe.db.exists("Pax8 Company", {"client": ("is", "set")}):
		return None
	companies = frappe.db.count("Pax8 Company", {"is_own": 0})
	if not companies:
		return {
			"message": _("Pax8 is connected, but no companies have been read yet."),
			"action": _("Sync Companies"),
			"route": ["Form", "Pax8 Settings"],
			"color": "blue",
		}
	return {
		"message": _(
			"None of the {0} Pax8 companies is mapped to a client. Subscriptions are read for mapped companies only."
		).format(companies),
		"action": _("Map Companies"),
		"route": ["List", "Pax8 Company", "List"],
		"filters": {"client": ["is", "not set"], "is_own": 0},
		"color": "orange",
	}


@frappe.whitelist()
def vendors() -> list[dict[str, Any]]:
	"""The vendors of all synced products and of all subscriptions, one row each however they are spelled.

	Returns:
		Rows with `vendor`, `products` and `subscriptions` (numbers), those with subscriptions first.
	"""
	permissions.require_connection_manager()
	found: dict[str, dict[str, Any]] = {}
	for doctype, column, gone in (
		("Pax8 Subscription", "subscriptions", "vanished"),
		("Pax8 Product", "products", "discontinued"),
	):
		for vendor, count in frappe.get_list(
			doctype,
			filters={"vendor": ("is", "set"), gone: 0},
			fields=["vendor", count_as("n")],
			group_by="vendor",
			order_by="vendor",
			as_list=True,
		):
			row = found.setdefault(vendor_key(vendor), {"vendor": vendor, "products": 0, "subscriptions": 0})
			row[column] += count
	return sorted(found.values(), key=lambda row: (not row["subscriptions"], row["vendor"].casefold()))


@frappe.whitelist()
def currencies(txt: str = "") -> list[str]:
	"""The codes of the currencies that can be chosen for limits and budgets, as far as they contain `txt`."""
	permissions.require_connection_manager()
	return [code for code in enabled() if txt.casefold() in code.casefold()]


@frappe.whitelist()
def explain(settings: str | dict[str, Any]) -> list[str]:
	"""What the approval settings mean, as sentences with numbers.

	Args:
		settings: the values in the form of Licensing Settings, saved or not, as a dict or as JSON.
	"""
	permissions.require_connection_manager()
	doc = policies.unsaved_settings(settings)
	own = len(frappe.get_list(policies.CLIENT_POLICY, {"disabled": 0}))
	told = meaning.sentences(policies.current_policy(doc), doc)
	if own:
		told.append(
			plural(
				own, _("{0} client has a policy of its own."), _("{0} clients have policies of their own.")
			).format(own)
		)
	return told


@frappe.whitelist()
def explain_client(policy: str | dict[str, Any]) -> list[str]:
	"""What counts for a client: the values in the form of its Licensing Client Policy over the settings.

	Where merged clients have left several policies, the others count as well.
	"""
	permissions.require_connection_manager()
	values = json.loads(policy) if isinstance(policy, str) else policy
	own = frappe.get_doc({**values, "doctype": policies.CLIENT_POLICY})
	settings = frappe.get_cached_doc("Licensing Settings")
	others = [row for row in policies.own_policies(own.client_doctype, own.client) if row.name != own.name]
	together = others if own.disabled else [*others, own]
	counting = policies.with_all(policies.current_policy(settings), together or [own])
	if problem := validate_limits(counting.min_quantity, counting.max_quantity):
		message, named = problem_sentence(problem)
		return [_(message).format(**named)]
	limits = effective_limits(counting)
	told = [
		_("Clients may ask for changes where a subscription does not say otherwise.")
		if counting.allow_self_service
		else _("Changes may be asked for only where a subscription allows it.")
	]
	told.append(
		plural(limits.maximum, _("From {0} to {1} license."), _("From {0} to {1} licenses.")).format(
			limits.minimum, limits.maximum
		)
		if limits.maximum
		else plural(
			limits.minimum,
			_("From {0} license, with no upper limit."),
			_("From {0} licenses, with no upper limit."),
		).format(limits.minimum)
	)
	if len(together) > 1:
		told.append(_("Of each option, the strictest value of {0} policies counts.").format(len(together)))
	return [*meaning.sentences(counting, settings, client=True), " ".join(told)]
