import frappe
from frappe import _
from frappe.utils import escape_html

from msp_licensing.clients import CLIENT_DOCTYPES, client_title, site_client_doctype
from msp_licensing.plain_text import PlainTextDocument


class Pax8Company(PlainTextDocument):
	def validate(self):
		self.refuse_changes_of_mirrored_fields()
		self.set_client_doctype()
		self.refuse_client_of_own_company()

	def refuse_changes_of_mirrored_fields(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields

		refuse_changes_of_mirrored_fields(self)

	def set_client_doctype(self):
		if not self.client:
			self.client = self.client_name = None
			self.client_doctype = self.client_doctype or site_client_doctype()
			return
		self.client_doctype = self.client_doctype or site_client_doctype()
		if self.client_doctype not in CLIENT_DOCTYPES:
			frappe.throw(
				_("Clients are records of {0}, not of {1}.").format(
					_(site_client_doctype()), escape_html(_(self.client_doctype))
				)
			)
		self.client_name = client_title(self.client_doctype, self.client)

	def refuse_client_of_own_company(self):
		if self.is_own and self.client:
			frappe.throw(
				_("{0} stands for your own company (Pax8 Settings): it cannot be mapped to a client.").format(
					frappe.bold(escape_html(self.company_name))
				)
			)

	def on_update(self):
		if self.has_value_changed("client") or self.has_value_changed("client_doctype"):
			from msp_licensing.sync import mapping

			mapping.after_change(self)
