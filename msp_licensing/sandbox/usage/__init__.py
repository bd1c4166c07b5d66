"""Usage: the resource groups of usage subscriptions and what they have run up this month.

Nothing is stored by the day. What a group has used follows from the seed, its name and the date, so the clock
may jump by days or months; only what was changed from outside is kept, in the UsageBook.
"""
