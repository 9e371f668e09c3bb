"""The only durable bytes: documents in tables, as TinyDB offers them, kept row by row in SQLite; and blobs.

One process writes a store. Whatever a call here has committed is on the disk before the call returns.
"""

from tinydb import Query, where
from tinydb.table import Document

from endo_kernel.store.folder import holds_store
from endo_kernel.store.lock import find_owner
from endo_kernel.store.store import Store, open_store
from endo_kernel.store.tables import SqlTable

__all__ = ["Document", "Query", "SqlTable", "Store", "find_owner", "holds_store", "open_store", "where"]
