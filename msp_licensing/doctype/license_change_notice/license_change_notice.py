from frappe.model.document import Document


class LicenseChangeNotice(Document):
	pass
