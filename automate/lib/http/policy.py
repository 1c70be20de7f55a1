"""Which addresses may be called: the public internet, and what the installation's owner allows by name.

`ipaddress.is_global` alone is not enough: Python 3.11 calls 64:ff9b::7f00:1, 2002:7f00:1::, 224.0.0.1 and
168.63.129.16 global. So networks are listed here, and `is_global` is asked as well.
"""

import ipaddress
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from automate.lib.http.errors import EgressBlocked, InvalidRequest, NameLookupFailed, NameNotFound

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver: TypeAlias = Callable[[str, int], list[str]]

LOOKUP_S = 10.0  # longest wait for the name service when the caller sets no tighter deadline

# IANA special-purpose registries, plus addresses that clouds answer on from inside.
_BLOCKED_V4 = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is Alibaba's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host service
        "169.254.0.0/16",  # link-local; 169.254.169.254 is the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is Oracle's metadata service
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved and broadcast
    )
]
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")  # everything else is unassigned, local or multicast
_BLOCKED_V6 = [
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address
        "3ffe::/16",  # the old 6bone
        "3fff::/20",  # documentation
    )
]
_NAT64 = ipaddress.IPv6Network(
    "64:ff9b::/96"
)  # carries an IPv4 address; how IPv6-only networks reach IPv4 hosts
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER_AT_END = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)$")


@dataclass(frozen=True)
class Rule:
    """One entry of the allow list: a network or a host name, for one port or for all."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None
    host: str | None
    port: int | None

    def admits(self, host: str, port: int, address: Address) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return address.version == self.network.version and address in self.network
        return host == self.host


@dataclass(frozen=True)
class EgressPolicy:
    """`allow`: what may be called besides public addresses (network, host, or either with `:port`), taken exactly."""

    allow: tuple[str, ...] = ()
    resolver: Resolver | None = None
    _rules: tuple[Rule, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rules", tuple(_read_rule(entry) for entry in self.allow))

    @classmethod
    def from_text(cls, text: str) -> "EgressPolicy":
        """Read AUTOMATE_EGRESS_ALLOW, a comma list. Raises ValueError naming the entry at fault."""
        return cls(allow=tuple(entry.strip() for entry in text.split(",") if entry.strip()))

    def check_host(self, host: str, port: int, *, timeout_s: float = LOOKUP_S) -> list[str]:
        """The addresses to connect to, as text, after every one of them was found allowed.

        Connect to these and to nothing else: asking for the name's addresses again could bring other ones.
        Raises EgressBlocked, InvalidRequest, NameNotFound or NameLookupFailed.
        """
        host = normal_host(host)
        literal = _literal(host)
        found = [literal] if literal is not None else self._look_up(host, port, timeout_s)
        addresses = [_unwrapped(address) for address in found]
        for address in addresses:
            if not self._allows(host, port, address):
                raise EgressBlocked(_refusal(host, port, address))
        return list(dict.fromkeys(str(address) for address in addresses))

    def _allows(self, host: str, port: int, address: Address) -> bool:
        return is_public(address) or any(rule.admits(host, port, address) for rule in self._rules)

    def _look_up(self, host: str, port: int, timeout_s: float) -> list[Address]:
        texts = self.resolver(host, port) if self.resolver else _resolve(host, port, timeout_s)
        try:
            addresses: list[Address] = [ipaddress.ip_address(text) for text in texts]
        except ValueError:  # a scope such as fe80::1%eth0
            raise EgressBlocked(f"The host “{host}” has an address that may not be called.") from None
        if not addresses:
            raise NameNotFound(f"The host “{host}” was not found. Check its spelling.")
        return addresses


def is_public(address: Address) -> bool:
    """True for an address of the public internet that may be called without being allowed by name."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _BLOCKED_V4)
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    blocked = any(address in network for network in _BLOCKED_V6)
    return address in _PUBLIC_V6 and address.is_global and not blocked


def normal_host(host: str) -> str:
    """Lower-case ASCII name or address, without brackets and trailing dot. Raises InvalidRequest or EgressBlocked."""
    text = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in text:
        return _normal_ipv6(text)
    if not text.isascii():
        text = _idna(text)
    text = text.lower().removesuffix(".")
    if len(text) > 253 or not _HOST.fullmatch(text):
        raise InvalidRequest(f"“{_short(host)}” is not a valid host name.")
    if _NUMBER_AT_END.search(text) and _literal(text) is None:
        raise EgressBlocked(
            f"“{_short(host)}” is an unusual spelling of an address. Write it as four decimal numbers."
        )
    return text


def _normal_ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        raise InvalidRequest(f"“{_short(text)}” is not a valid address.") from None
    if address.scope_id is not None:
        raise EgressBlocked(f"The address “{_short(text)}” belongs to a local network and may not be called.")
    return str(address)


def _idna(host: str) -> str:
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise InvalidRequest(f"“{_short(host)}” is not a valid host name.") from None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    """`::ffff:a.b.c.d` reaches a.b.c.d, so it is judged and called as that."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _resolve(host: str, port: int, timeout_s: float) -> list[str]:
    """Ask the system's resolver, in a thread because it knows no deadline."""
    answer: list[str] = []
    failure: list[OSError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.extend(str(entry[4][0]) for entry in found)
        except OSError as error:
            failure.append(error)

    thread = threading.Thread(target=ask, name="lookup", daemon=True)
    thread.start()
    thread.join(max(0.0, timeout_s))
    if thread.is_alive():
        raise NameLookupFailed(f"The name service did not say in time where “{host}” is.")
    if failure:
        raise _lookup_error(host, failure[0])
    return answer


def _lookup_error(host: str, error: OSError) -> NameNotFound | NameLookupFailed:
    if isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
        return NameNotFound(f"The host “{host}” was not found. Check its spelling.")
    return NameLookupFailed(f"The name service could not say where “{host}” is. Try again later.")


def _refusal(host: str, port: int, address: Address) -> str:
    where = f"“{host}”" if host == str(address) else f"“{host}” ({address})"
    return (
        f"{where} lies in a private or reserved network, which workflows may not call. "
        f"The owner of this installation can allow it with AUTOMATE_EGRESS_ALLOW={host}:{port}."
    )


def _read_rule(entry: str) -> Rule:
    try:
        return Rule(ipaddress.ip_network(entry), None, None)
    except ValueError:
        host, port = _split_port(entry)
    literal = _literal(host.strip("[]"))
    if literal is not None:
        return Rule(ipaddress.ip_network(str(literal)), None, port)
    try:
        return Rule(None, normal_host(host), port)
    except (InvalidRequest, EgressBlocked):
        raise ValueError(
            f"AUTOMATE_EGRESS_ALLOW: “{_short(entry)}” is neither a network (10.0.0.0/8), a host nor host:port."
        ) from None


def _split_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":")
    if not colon or host.endswith(":"):
        return entry, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"AUTOMATE_EGRESS_ALLOW: “{_short(entry)}” has no valid port after the colon.")
    return host, int(port)


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "…"
