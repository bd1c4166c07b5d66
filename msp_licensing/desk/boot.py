"""What the desk knows before it shows its first screen."""

from typing import Any

from msp_licensing.clients import site_client_doctype


def extend(bootinfo: Any) -> None:
	"""For Frappe's hook `extend_bootinfo`: the DocType of this site's clients."""
	bootinfo.msp_licensing = {"client_doctype": site_client_doctype()}
