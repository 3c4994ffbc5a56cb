"""Networks as settings name them."""

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def networks(text: str) -> list[Network]:
    """Addresses and networks, separated by commas; ValueError names one that is none."""
    return [ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip()]
