from frappe.model.document import Document

from msp_licensing.access import records


class LicensingPortalUser(Document):
	def validate(self):
		records.check(self)

	def on_update(self):
		records.take_effect(self)

	def after_delete(self):
		records.after_delete(self)
