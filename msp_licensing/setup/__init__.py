"""What the app sets up on a site, and takes away again."""
