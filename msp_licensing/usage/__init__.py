"""What usage means: how products are billed, whose a resource group is, and what people decide about it."""
