from msp_licensing.plain_text import PlainTextDocument


class LicensingVendorOverride(PlainTextDocument):
	pass
