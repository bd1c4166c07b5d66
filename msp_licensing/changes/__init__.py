"""The life of a License Change Request: submit, decide, apply, confirm, notify."""
