import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing import stored_secrets
from msp_licensing.plain_text import PlainTextDocument
from msp_licensing.rules.plurals import plural


class Pax8Settings(PlainTextDocument):
	def validate(self):
		self.strip_inputs()
		self.require_credentials()
		self.check_address()
		self.clean_own_companies()
		self.keep_secret_at_its_address()
		self.note_connecting()

	def strip_inputs(self):
		for field in ("client_id", "base_url", "audience"):
			self.set(field, (self.get(field) or "").strip())
		self.base_url = self.base_url.rstrip("/")

	def require_credentials(self):
		if self.mode == "Off":
			return
		try:
			secret = stored_secrets.of(self, "client_secret")
		except stored_secrets.UnreadableSecret:
			frappe.throw(
				_("The saved secret cannot be read with this site's encryption key. Enter it again.")
			)
		if not self.client_id or not secret:
			frappe.throw(_("To connect Pax8, enter the client ID and the client secret."))

	def check_address(self):
		from msp_licensing.pax8 import ConfigurationError, checked_url

		try:
			checked_url(self.base_url)
		except ConfigurationError as error:
			frappe.throw(escape_html(error.message))

	def clean_own_companies(self):
		if not self.has_value_changed("shadow_company_ids"):
			return
		from msp_licensing.sync import own_companies

		try:
			ids = own_companies.ids_in(self.shadow_company_ids)
		except ValueError as error:
			typed = frappe.bold(escape_html(str(error)[:80]))
			frappe.throw(_("{0} is not a Pax8 company ID.").format(typed))
		own_companies.check(ids)
		self.shadow_company_ids = "\n".join(ids)

	def keep_secret_at_its_address(self):
		"""Another address is not sent the secret that was entered for this one: see sync/credentials.py."""
		from msp_licensing.sync import credentials

		before = self.get_doc_before_save()
		self.set(credentials.FIELD, before.get(credentials.FIELD) if before else None)
		typed = self.client_secret
		if typed and not self.is_dummy_password(typed):
			self.set(credentials.FIELD, credentials.proof(self.base_url, typed))
			return
		try:
			secret = typed and stored_secrets.of(self, "client_secret")
		except stored_secrets.UnreadableSecret:
			return  # kept with another encryption key: nobody can read it, nor send it
		if secret and not credentials.belong_together(self, secret):
			frappe.throw(_("The API address is another one now. Please enter the client secret again, too."))

	def note_connecting(self):
		"""Data can become stale only after the mode was switched from Off: see sync/health.py."""
		from msp_licensing import clock

		before = self.get_doc_before_save()
		if self.mode != "Off" and (not before or (before.mode or "Off") == "Off"):
			self.connected_on_utc = clock.utc_now()

	def on_update(self):
		if self.has_value_changed("shadow_company_ids"):
			from msp_licensing.sync import own_companies

			own_companies.mark()
		if self.has_value_changed("mode") and self.mode == "Live":
			self.tell_of_waiting_changes()

	def tell_of_waiting_changes(self):
		"""Requests approved while nothing could be sent are sent now; nobody should be surprised by that."""
		waiting = frappe.db.count("License Change Request", {"workflow_state": "Approved"})
		if waiting:
			frappe.msgprint(
				plural(
					waiting,
					_("{0} approved change is waiting and will be sent to Pax8 within minutes."),
					_("{0} approved changes are waiting and will be sent to Pax8 within minutes."),
				).format(waiting),
				alert=True,
			)
