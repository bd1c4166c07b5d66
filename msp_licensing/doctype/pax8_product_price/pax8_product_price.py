from frappe.model.document import Document


class Pax8ProductPrice(Document):
	pass
