"""Addresses of sources: which are databases, and how they are kept without a password."""

import re
from pathlib import Path

SCHEMES = (
    "sqlite", "postgresql", "postgres", "mysql", "mariadb", "mssql", "oracle", "duckdb", "snowflake", "bigquery",
    "redshift", "trino", "clickhouse",
)  # fmt: skip
"""Schemes of addresses that are databases; each may name its driver: `postgresql+psycopg`."""


def is_database(address: str) -> bool:
    """Whether an address is that of a database."""
    scheme = address.partition("://")[0].lower()
    return "://" in address and scheme.partition("+")[0] in SCHEMES


def without_password(address: str) -> str:
    """The address without a password in it, for messages and files."""
    return re.sub(r"(://[^:/@?#]*):[^@/?#]*@", r"\1@", address)


def lasting(address: str) -> str:
    """The address as a run keeps it: without a password, and with the whole path of an SQLite file."""
    if found := re.match(r"sqlite:///(?!/)([^?]+)", address):
        return f"sqlite:///{Path(found[1]).resolve()}{address[found.end() :]}"
    return without_password(address)
