from msp_licensing.plain_text import PlainTextDocument


class LicensingUsageVendor(PlainTextDocument):
	pass
