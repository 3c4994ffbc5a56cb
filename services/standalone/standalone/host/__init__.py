"""What a system takes of its machine: the data folder and who holds it, ports, certificates."""
