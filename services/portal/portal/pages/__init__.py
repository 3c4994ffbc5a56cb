"""The pages of the admin, one folder or module a subject; what several of them share stands beside these."""
