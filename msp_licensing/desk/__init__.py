"""The whitelisted API of the staff screens. Each function checks who asks; nothing here is for the portal."""
