"""Strict authorization servers on loopback, for tests of connecting: one in Python that always runs, one in Node."""
