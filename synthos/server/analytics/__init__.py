"""What a company has used, and how its validations went over time."""
