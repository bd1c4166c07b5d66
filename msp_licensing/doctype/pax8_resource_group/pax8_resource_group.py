from msp_licensing.plain_text import PlainTextDocument


class Pax8ResourceGroup(PlainTextDocument):
	def validate(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields

		refuse_changes_of_mirrored_fields(self)
