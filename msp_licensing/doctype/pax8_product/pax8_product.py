from msp_licensing.plain_text import PlainTextDocument


class Pax8Product(PlainTextDocument):
	def validate(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields

		refuse_changes_of_mirrored_fields(self)
		if self.has_value_changed("usage_class"):
			# A person knows better than the heuristic; no sync undoes it.
			self.usage_class_set_by_staff = 1
