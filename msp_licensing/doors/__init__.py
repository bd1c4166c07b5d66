"""What Frappe leaves open to every signed-in user, closed: one list (`table.py`), and what stands behind its entries.

`gate.py` looks at every request before Frappe acts on it; `replaced.py` has functions that take the place of Frappe's;
`records.py`, `references.py` and `files.py` hold for documents, by whichever way they are read or written.
"""
