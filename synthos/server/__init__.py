"""Synthos as a service: the HTTP API, its database, its storage and its queue. ``app.create_app`` puts it together."""
