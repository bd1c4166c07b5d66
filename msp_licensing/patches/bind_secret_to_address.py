"""The saved client secret belongs to the address that is saved with it now."""

import frappe

from msp_licensing import stored_secrets
from msp_licensing.sync import credentials

SETTINGS = "Pax8 Settings"


def execute() -> None:
	settings = frappe.get_doc(SETTINGS)
	if settings.get(credentials.FIELD):
		return
	try:
		secret = stored_secrets.of(settings, "client_secret")
	except frappe.ValidationError:
		return  # it cannot be read with this site's encryption key, and has to be entered again in any case
	if secret:
		proof = credentials.proof(settings.base_url, secret)
		frappe.db.set_single_value(SETTINGS, credentials.FIELD, proof, update_modified=False)
