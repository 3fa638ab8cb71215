"""Where bytes lie: uploads and what is made of them. Keys are made by the service, never by clients."""
