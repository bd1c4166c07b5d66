"""The kinds of data that are synced: from Pax8 to rows. What the rows mean is the business of other folders."""
