"""Products are known by the vendor they have now; another name at Pax8 counts from then on once it is confirmed.

When they first came here is kept in UTC from now on.
"""

import frappe

from msp_licensing import clock


def execute() -> None:
	frappe.db.sql("update `tabPax8 Product` set known_vendor = vendor where ifnull(known_vendor, '') = ''")
	# A walk writes whole batches at one moment: there are few of these.
	for (created,) in frappe.db.sql(
		"select distinct creation from `tabPax8 Product` where first_synced_on is null and creation is not null"
	):
		frappe.db.sql(
			"update `tabPax8 Product` set first_synced_on = %s where creation = %s and first_synced_on is null",
			(clock.to_utc(created), created),
		)
