"""The billing class of products, chosen by staff: in the form of a product, and in the report Billing Class Review."""

from collections.abc import Callable, Collection

import frappe
from frappe import _

from msp_licensing import permissions, transactions
from msp_licensing.desk.catalog import chosen_products
from msp_licensing.usage import billing_class


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def choose(names: str | list[str], usage_class: str) -> dict[str, int | str]:
	"""Sets the class of products. No sync and no evidence changes it, until it is taken back.

	Args:
		names: products as a list or as JSON, at most 500. usage_class: "Seat", "Usage" or "Unknown".

	Returns:
		`changed`: how many were not so before; `message` in words, plain text.

	Raises:
		frappe.PermissionError: no Licensing Manager, or one with User Permissions for some clients.
		frappe.ValidationError: there is no such class.
	"""
	changed = _act(names, lambda products: billing_class.choose(products, usage_class))
	message = _("1 product set.") if changed == 1 else _("{0} products set.").format(changed)
	return {"changed": changed, "message": message}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def let_app_decide(names: str | list[str]) -> dict[str, int | str]:
	"""Takes the staff's choice back, and has the app say what the class is now. Arguments and answer as in `choose`."""
	changed = _act(names, billing_class.let_app_decide)
	message = (
		_("The app decides the class of 1 product again.")
		if changed == 1
		else _("The app decides the class of {0} products again.").format(changed)
	)
	return {"changed": changed, "message": message}


@frappe.whitelist(methods=["POST"])
@transactions.repeated
def accept(names: str | list[str]) -> dict[str, int | str]:
	"""Takes products off the list for review until their verdict changes. Arguments and answer as in `choose`."""
	changed = _act(names, billing_class.accept)
	message = _("1 product accepted.") if changed == 1 else _("{0} products accepted.").format(changed)
	return {"changed": changed, "message": message}


def _act(names: str | list[str], act: Callable[[Collection[str]], int]) -> int:
	permissions.require_manager()
	permissions.require_all_clients()
	return act(chosen_products(names))
