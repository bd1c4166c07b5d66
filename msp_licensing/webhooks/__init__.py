"""Pax8's webhooks: take an event, and read from Pax8 what it names. Never trust what it says.

`endpoint` answers Pax8, `delivery` reads what it sent, `events` keeps it, `processing` reads the records named, and
`registration` sets the webhook up at Pax8.
"""

from msp_licensing.webhooks.endpoint import receive

__all__ = ["receive"]
