from msp_licensing.plain_text import PlainTextDocument


class Pax8UsageRule(PlainTextDocument):
	"""Assigns recurring resource groups to a client: see `usage.rules`."""

	def validate(self):
		from msp_licensing.usage import rules

		rules.check(self)

	def on_update(self):
		from msp_licensing.usage import rules

		rules.after_change(self)

	def on_trash(self):
		from msp_licensing import permissions

		permissions.require_all_clients()
