from msp_licensing.plain_text import PlainTextDocument


class LicensingUsageAmount(PlainTextDocument):
	pass
