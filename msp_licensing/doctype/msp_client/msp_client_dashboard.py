"""Connections of a client: the reference is a Dynamic Link, so that a Customer of the same name is not counted."""


def get_data(data=None):
	return {
		"fieldname": "client",
		"dynamic_links": {"client": ["MSP Client", "client_doctype"]},
	}
