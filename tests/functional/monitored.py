"""A machine whose guest is a test client (qtest.py), with a monitor beside it."""
import os
import socket
import tempfile

from qmp_client import Connection, refusal
from qtest import Qtest, expect


class Monitored(Qtest):
    def __init__(self, binary, *arguments, pass_fds=()):
        folder = tempfile.TemporaryDirectory(prefix='qmp-')
        path = os.path.join(folder.name, 'qmp.sock')
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            super().__init__(binary, '-qmp', f'unix:{path}', *arguments, pass_fds=pass_fds)
            self.qmp = Connection(listener.accept()[0]).negotiate()
        folder.cleanup()

    def __exit__(self, *info):
        self.qmp.sock.close()
        super().__exit__(*info)


def refused(q, text, command, **arguments):
    """The command must fail, and say the text."""
    error = refusal(q.qmp, command, **arguments)
    expect(text in error.desc, f'{command} {arguments}: {error.desc}')
