from frappe.model.document import Document


class MSPClient(Document):
	pass
