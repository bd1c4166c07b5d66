from msp_licensing.access import records
from msp_licensing.plain_text import PlainTextDocument


class LicensingPortalUser(PlainTextDocument):
	def validate(self):
		records.check(self)

	def on_update(self):
		records.take_effect(self)

	def after_delete(self):
		records.after_delete(self)
