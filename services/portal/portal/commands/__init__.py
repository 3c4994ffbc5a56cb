"""The commands of `reclass` that work on the portal's database."""
