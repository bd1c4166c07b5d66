"""Functions of Frappe that are called over HTTP, with what texts of this app's records need there; see hooks.py."""
