from msp_licensing.plain_text import PlainTextDocument


class Pax8SubscriptionChange(PlainTextDocument):
	pass
