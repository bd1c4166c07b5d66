from frappe.model.document import Document


class LicensingClientPolicy(Document):
	pass
