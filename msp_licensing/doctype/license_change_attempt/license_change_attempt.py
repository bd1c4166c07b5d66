from frappe.model.document import Document


class LicenseChangeAttempt(Document):
	pass
