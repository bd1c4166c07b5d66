from frappe.contacts.address_and_contact import delete_contact_and_address, load_address_and_contact

from msp_licensing.plain_text import PlainTextDocument, document_name


class MSPClient(PlainTextDocument):
	def autoname(self):
		self.name = document_name(self.client_name or "")

	def after_rename(self, old: str, new: str, merge: bool = False):
		"""A client that was renamed is titled so; Frappe does it by itself only for DocTypes named by a field."""
		if not merge and document_name(self.client_name or "") == old:
			self.db_set("client_name", new)

	def onload(self):
		load_address_and_contact(self)

	def on_trash(self):
		delete_contact_and_address(self.doctype, self.name)  # as ERPNext's Customer does
