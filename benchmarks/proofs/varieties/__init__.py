"""Each variety does what it is for: trained on real digits beside the plain one, with numbers and pictures."""
