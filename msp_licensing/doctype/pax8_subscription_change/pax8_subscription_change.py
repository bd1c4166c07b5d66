from frappe.model.document import Document


class Pax8SubscriptionChange(Document):
	pass
