"""Reads and writes: one function for each named query, its rows as dataclasses.

Functions take an open connection and leave transactions to the caller. psycopg's errors come
through unchanged, for the caller that must tell a lost connection from a refusal.
"""
