import frappe
from frappe import _
from frappe.utils import get_link_to_form

from msp_licensing.permissions import CLIENT_DOCTYPES
from msp_licensing.plain_text import PlainTextDocument


class LicensingClientPolicy(PlainTextDocument):
	def validate(self):
		self.validate_client()
		self.validate_values()

	def validate_client(self):
		if self.client_doctype not in CLIENT_DOCTYPES:
			frappe.throw(_("Client records can be one of: {0}.").format(", ".join(CLIENT_DOCTYPES)))
		other = frappe.db.exists(
			self.doctype,
			{"client_doctype": self.client_doctype, "client": self.client, "name": ("!=", self.name)},
		)
		if other:
			frappe.throw(
				_("{0} has a policy already: {1}").format(
					frappe.bold(self.client), get_link_to_form(self.doctype, other)
				),
				frappe.DuplicateEntryError,
			)

	def validate_values(self):
		from msp_licensing.changes.policies import check_own

		check_own(self)
