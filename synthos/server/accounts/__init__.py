"""Users and the companies that they belong to."""
