"""Every recipe on data of each kind, by the same measures: one table and one page that sorts and filters."""
