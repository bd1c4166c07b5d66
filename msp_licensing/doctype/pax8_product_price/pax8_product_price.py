from msp_licensing.plain_text import PlainTextDocument


class Pax8ProductPrice(PlainTextDocument):
	pass
