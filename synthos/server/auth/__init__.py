"""Who asks: passwords, access and refresh tokens, and the guard before every route."""
