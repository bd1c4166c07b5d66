"""Usage: whose a resource group is, and which groups are probably the same one under a new name."""
