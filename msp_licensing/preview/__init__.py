"""Look at a client's portal page, and try an approval policy, with no site at all.

	python -m msp_licensing.preview                       # against a stand-in Pax8 in the same process
	PAX8_CLIENT_SECRET=… python -m msp_licensing.preview --client-id …      # against one's own Pax8 account

The page comes from the very templates and functions of the portal, the decisions from the very rules of a site. Pax8 is
read and never written. Imports no Frappe; needs Jinja2, which Frappe would bring.
"""
