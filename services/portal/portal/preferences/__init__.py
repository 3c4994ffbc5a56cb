"""The settings that people change: kept in the database, and sent with each request to the services."""
