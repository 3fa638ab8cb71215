"""API keys: for programs. The database keeps only an HMAC of each."""
