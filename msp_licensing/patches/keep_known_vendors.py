"""Products are known by the vendor they have now; another name at Pax8 counts from then on once it is confirmed."""

import frappe


def execute() -> None:
	frappe.db.sql("update `tabPax8 Product` set known_vendor = vendor where ifnull(known_vendor, '') = ''")
