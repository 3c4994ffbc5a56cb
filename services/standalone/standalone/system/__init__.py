"""The whole system: which programs it consists of, its database and weights, its start and stop."""
