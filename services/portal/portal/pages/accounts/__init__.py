"""The pages of users and groups, and signing in."""
