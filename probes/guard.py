"""Addresses to which no discovered target may lead, whatever its name resolves to: those at which machines and clouds tell secrets to all."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

METADATA = (
    ipaddress.ip_network("100.100.100.200/32"),
    ipaddress.ip_network("168.63.129.16/32"),
    ipaddress.ip_network("192.0.0.192/32"),
    ipaddress.ip_network("fd00:ec2::/32"),
    ipaddress.ip_network("fd20:ce::254/128"),
    ipaddress.ip_network("fd00:42::42/128"),
    ipaddress.ip_network("fd00:a9fe:a9fe::1/128"),
    ipaddress.ip_network("fd00:c1::a9fe:a9fe/128"),
    ipaddress.ip_network("fd00:100::100:200/128"),
)
"""Metadata services outside of the link-local networks: Alibaba, Azure, Oracle; over IPv6 AWS, Google, Scaleway, Akamai, Oracle, Alibaba."""
_STANDING_FOR_IPV4 = (ipaddress.ip_network("64:ff9b:1::/48"), ipaddress.ip_network("::/96"), ipaddress.ip_network("::ffff:0:0:0/96"))
"""A network's own NAT64 (RFC 8215), which alone knows where in it the IPv4 address stands; IPv4-compatible ones, long out of use; and
IPv4-translated ones (RFC 2765 section 2.1)."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddressError(OSError):
    """A name leads to an address that is refused; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What is refused of a target that others have named: link-local, metadata, multicast and unspecified addresses, and loopback unless allowed."""

    loopback: bool = False

    def objection(self, address: str) -> str | None:
        """Why nothing is sent to a numeric address, in words; None if it may be."""
        try:
            found = _plain(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return f"{address} is no address"
        what = self._forbidden(found)
        return None if what is None else f"{address} is {what}, to which no discovered target may lead"

    def _forbidden(self, address: IpAddress) -> str | None:
        if address.is_link_local:
            return "a link-local address"
        if any(address in network for network in METADATA):
            return "the address of a cloud's metadata service"
        if address.is_unspecified or address.is_multicast or int(address) == 0xFFFFFFFF:
            return "no address of a single host"
        if address.version == 4 and address in ipaddress.ip_network("0.0.0.0/8"):
            return "no address of a single host"
        if address.is_loopback:
            return None if self.loopback else "a loopback address"
        if any(address in network for network in _STANDING_FOR_IPV4):
            return "an address that stands for an IPv4 one"
        return None


def _plain(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4 or NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
