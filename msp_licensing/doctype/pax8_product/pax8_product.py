from msp_licensing.plain_text import PlainTextDocument


class Pax8Product(PlainTextDocument):
	def onload(self):
		from msp_licensing.usage import billing_class

		self.set_onload("billing_class", billing_class.explain(self))

	def validate(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields
		from msp_licensing.usage import billing_class

		refuse_changes_of_mirrored_fields(self)
		if self.has_value_changed("usage_class"):
			# A person knows better than the heuristic; no sync undoes it.
			billing_class.note_choice(self)
