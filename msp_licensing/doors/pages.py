"""Pages of Frappe's website that show people what is theirs."""

from typing import Any

import frappe


def keep_out_of_cache(_context: Any) -> dict[str, int]:
	"""For Frappe's hook `update_website_context`: what a signed-in person is shown goes into no cache that others read.

	Frappe keeps pages by their path alone. Up to 16.13 that is one path for every list of the portal (orders, invoices), so that
	the list of one client was shown to the next (https://github.com/frappe/frappe/issues/38486).
	"""
	return {} if frappe.session.user == "Guest" else {"no_cache": 1}
