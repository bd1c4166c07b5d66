"""Invoices: what a partner is charged each month, as Pax8's guides describe it.

The invoice of a month is dated its 1st and visible from its 4th. It charges the month ahead for monthly
subscriptions, and of the month before: prorated changes, terms that began, one-time charges and usage in
arrears. Nothing is made until an invoice is looked at; from then on it does not change.
"""
