"""MSP Licensing: Pax8 licenses in a Frappe site, with client self-service and approvals."""

__version__ = "0.1.0"
