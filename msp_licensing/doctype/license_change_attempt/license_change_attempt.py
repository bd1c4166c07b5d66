from msp_licensing.plain_text import PlainTextDocument


class LicenseChangeAttempt(PlainTextDocument):
	pass
