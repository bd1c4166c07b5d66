"""Requests that failed before this was written down: nothing was changed at Pax8 by any of them."""

import frappe

from msp_licensing.setup import workflow


def execute() -> None:
	frappe.db.sql("update `tabLicense Change Request` set retryable = 1 where workflow_state = 'Failed'")
	workflow.extend_workflow()
