import frappe
from frappe import _
from frappe.utils import cint, escape_html

from msp_licensing import currencies
from msp_licensing.permissions import CLIENT_DOCTYPES
from msp_licensing.plain_text import PlainTextDocument

# As far back as changes of quantity are looked at (changes/terms.py).
MAX_RETURN_DAYS = 200


class LicensingSettings(PlainTextDocument):
	def validate(self):
		currencies.normalize("limit_currency", [self])
		currencies.normalize("currency", self.spike_minimums)
		self.validate_threshold()
		self.validate_limits()
		self.validate_options()
		self.validate_client_doctype()
		self.clean_vendor_overrides()
		self.clean_return_windows()
		self.validate_usage_alerts()

	def validate_usage_alerts(self):
		from msp_licensing.usage import alert_settings

		alert_settings.refuse_same_currency(self.spike_minimums)
		alert_settings.refuse_same_vendor(self.usage_vendors)

	def on_update(self):
		if self.has_value_changed("client_price_from") or self.has_value_changed("client_price_markup"):
			from msp_licensing.changes import price_drift

			price_drift.queue()

	def validate_threshold(self):
		from msp_licensing.rules.policy import validate_threshold

		if self.use_auto_approve_threshold:
			self._throw_problem(validate_threshold(self.auto_approve_threshold))

	def validate_limits(self):
		from msp_licensing.rules.policy import validate_limits

		self._throw_problem(validate_limits(cint(self.default_min_quantity), cint(self.default_max_quantity)))

	def validate_options(self):
		from msp_licensing.changes.policies import current_policy
		from msp_licensing.rules.policy import validate_options

		self._throw_problem(validate_options(current_policy(self)))

	def validate_client_doctype(self):
		self.client_doctype = self.client_doctype or "MSP Client"
		if self.client_doctype not in CLIENT_DOCTYPES:
			frappe.throw(_("Client records can be one of: {0}.").format(", ".join(CLIENT_DOCTYPES)))

	def clean_vendor_overrides(self):
		"""A vendor once, however it was typed; vendors that a sync no longer finds stay."""
		from msp_licensing.rules.policy import vendor_key

		seen: set[str] = set()
		rows = []
		for row in self.vendor_overrides:
			key = vendor_key(row.vendor)
			if key and key not in seen:
				seen.add(key)
				row.vendor = row.vendor.strip()
				rows.append(row)
		self.set("vendor_overrides", rows)

	def clean_return_windows(self):
		"""A vendor once; a window is a whole number of days, at least one."""
		from msp_licensing.rules.policy import vendor_key

		seen: set[str] = set()
		for row in self.return_windows:
			row.vendor = " ".join((row.vendor or "").split())
			if not 1 <= cint(row.days) <= MAX_RETURN_DAYS:
				frappe.throw(
					_("{0}: a return window is 1 to {1} days.").format(
						escape_html(row.vendor or _("Return Windows")), MAX_RETURN_DAYS
					)
				)
			if vendor_key(row.vendor) in seen:
				frappe.throw(_("{0} is in the return windows twice.").format(escape_html(row.vendor)))
			seen.add(vendor_key(row.vendor))

	def _throw_problem(self, problem):
		from msp_licensing.changes.policies import throw_problem

		throw_problem(problem)
