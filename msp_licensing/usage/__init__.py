"""What usage means: how products are billed, and what people decide about it."""
