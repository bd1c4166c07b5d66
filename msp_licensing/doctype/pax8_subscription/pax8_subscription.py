import frappe
from frappe import _
from frappe.utils import cint

from msp_licensing.plain_text import PlainTextDocument


class Pax8Subscription(PlainTextDocument):
	def validate(self):
		from msp_licensing.sync.guard import refuse_changes_of_mirrored_fields

		refuse_changes_of_mirrored_fields(self)
		self.validate_limits()

	def on_update(self):
		if self.has_value_changed("client_price"):
			from msp_licensing.changes import price_drift

			price_drift.notice(subscriptions=[self.name])

	def validate_limits(self):
		from msp_licensing.rules.policy import validate_limits
		from msp_licensing.rules.words import problem_sentence

		if not self.override_limits:
			return
		if problem := validate_limits(cint(self.min_quantity), cint(self.max_quantity)):
			message, values = problem_sentence(problem)
			frappe.throw(_(message).format(**values))
