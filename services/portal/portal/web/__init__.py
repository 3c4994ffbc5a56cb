"""The process that serves pages: its HTTP server, and what every request passes."""
