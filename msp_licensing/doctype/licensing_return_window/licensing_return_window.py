from frappe.model.document import Document


class LicensingReturnWindow(Document):
	pass
