"""What happened to a License Change Request: kept as rows when it happens, told wherever it is asked for."""
