"""The PostgreSQL that flowctl runs itself, where no database is configured.

A data folder holds one cluster. The first flowctl process that attaches to it starts the server,
all others share it, and the last one to leave stops it; nobody has to look after it. It listens on
a Unix socket only, lets in only the operating-system user who owns the folder, and is as durable as
any PostgreSQL: a process or the server may be killed at any moment and nothing committed is lost.

::

    server     attach, re-enter, leave: the life cycle
    postmaster one server process: start, ask whether it accepts, stop
    cluster    making the data directory, and who may connect
    binaries   where PostgreSQL's programs are
    account    which operating-system user runs them
    layout     the paths inside the data folder
    locks      file locks that the kernel drops with their process
    waiting    for a process that starts or ends
"""

from flowctl.embedded.layout import default_data_dir
from flowctl.embedded.server import EmbeddedServer

__all__ = ["EmbeddedServer", "default_data_dir"]
