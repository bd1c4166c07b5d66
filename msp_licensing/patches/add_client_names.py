"""Records carry the names of their clients, which may be numbers of a series by id."""

from msp_licensing import clients


def execute() -> None:
	clients.keep_names()
