from msp_licensing.plain_text import PlainTextDocument


class LicensingReturnWindow(PlainTextDocument):
	pass
