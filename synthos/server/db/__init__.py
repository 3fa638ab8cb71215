"""The database: its tables, the unit of work, and the migrations that bring a database to this version."""
