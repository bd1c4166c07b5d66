import frappe
from frappe import _
from frappe.utils import escape_html, get_link_to_form

from msp_licensing import currencies
from msp_licensing.clients import CLIENT_DOCTYPES, client_title
from msp_licensing.plain_text import PlainTextDocument


class LicensingClientPolicy(PlainTextDocument):
	def validate(self):
		self.validate_client()
		self.validate_values()

	def validate_client(self):
		if self.client_doctype not in CLIENT_DOCTYPES:
			frappe.throw(_("Client records can be one of: {0}.").format(", ".join(CLIENT_DOCTYPES)))
		self.client_name = client_title(self.client_doctype, self.client)
		if self.disabled or self.is_in_effect():
			return
		# Of two at once the second waits here, and then sees the first: a locking read sees what is committed.
		frappe.db.get_value(self.client_doctype, self.client, "name", for_update=True)
		other = frappe.db.get_value(
			self.doctype,
			{
				"client_doctype": self.client_doctype,
				"client": self.client,
				"disabled": 0,
				"name": ("!=", self.name),
			},
			for_update=True,
		)
		if other:
			frappe.throw(
				_("{0} has a policy already: {1}").format(
					frappe.bold(escape_html(self.client_name)), get_link_to_form(self.doctype, other)
				),
				frappe.DuplicateEntryError,
			)

	def is_in_effect(self) -> bool:
		"""Whether it is stored as not disabled already: two that merged clients have left can both be saved."""
		if not self.name:
			return False
		return frappe.db.get_value(self.doctype, self.name, "disabled") == 0

	def validate_values(self):
		from msp_licensing.changes.policies import check_own

		currencies.normalize("limit_currency", [self])
		currencies.normalize("currency", self.usage_budgets)
		check_own(self)
		self.validate_budgets()

	def validate_budgets(self):
		"""A currency has one budget."""
		from msp_licensing.usage.alert_settings import refuse_same_currency

		refuse_same_currency(self.usage_budgets)
