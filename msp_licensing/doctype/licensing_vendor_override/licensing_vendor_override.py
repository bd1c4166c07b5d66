from frappe.model.document import Document


class LicensingVendorOverride(Document):
	pass
