"""The site's business days: the week of Licensing Settings, and the holidays of ERPNext's company where there is one."""

from datetime import date, datetime

import frappe
from frappe.utils import cint, getdate

from msp_licensing.rules import business_days


def after(start: date | datetime | str, count: int | str | None) -> date | None:
	"""The day `count` business days after the day of `start`, in the site's time zone; None for 0, which is "never"."""
	if cint(count) <= 0:
		return None
	first = getdate(start)
	week = frappe.db.get_single_value("Licensing Settings", "business_week") or business_days.USUAL
	return business_days.add(first, cint(count), week=week, holidays=_holidays(first))


def _holidays(since: date) -> frozenset[date]:
	"""Frappe itself knows no holidays."""
	if "erpnext" not in frappe.get_installed_apps():
		return frozenset()
	company = frappe.db.get_single_value("Global Defaults", "default_company")
	days_off = company and frappe.get_cached_value("Company", company, "default_holiday_list")
	if not days_off:
		return frozenset()
	filters = {"parent": days_off, "holiday_date": (">=", since)}
	return frozenset(map(getdate, frappe.get_all("Holiday", filters, pluck="holiday_date")))
