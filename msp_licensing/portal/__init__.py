"""What a client may see and do: queries, serializers (allow-lists), the whitelisted API."""
