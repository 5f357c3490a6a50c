"""A QMP client for tests: the standard library only. Speaks over a Unix socket that penumbra serves, or over a
socket pair; keeps events; can send raw bytes and descriptors, and wait for exactly one reply."""

import array
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time

from harness import Failure


class QmpError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['desc']}")
        self.error_class = error["class"]
        self.desc = error["desc"]


class Connection:
    """One connection, greeted; negotiate() makes it ready."""

    def __init__(self, sock, timeout=20):
        self.sock = sock
        self.sock.settimeout(timeout)
        self.buffer = b""
        self.events = []
        self.greeting = self.receive()

    def negotiate(self, *enable):
        arguments = {"enable": list(enable)} if enable else {}
        self.command("qmp_capabilities", **arguments)
        return self

    def send_raw(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.sock.sendmsg([data], rights)
        if sent < len(data):
            self.sock.sendall(data[sent:])

    def send(self, name, arguments=None, fds=(), oob=False, **members):
        request = {"exec-oob" if oob else "execute": name, **members}
        if arguments:
            request["arguments"] = arguments
        self.send_raw(json.dumps(request).encode() + b"\r\n", fds)

    def line(self):
        while b"\n" not in self.buffer:
            data = self.sock.recv(1 << 16)
            if not data:
                raise EOFError("the monitor closed the connection")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def receive(self):
        return json.loads(self.line())

    def reply(self):
        """The next message that is not an event."""
        while True:
            message = self.receive()
            if "event" not in message:
                return message
            self.events.append(message)

    def command(self, name, /, fds=(), oob=False, **arguments):
        """The value returned; QmpError otherwise. An underscore in an argument's name is a dash."""
        self.send(name, {k.replace("_", "-"): v for k, v in arguments.items()}, fds, oob)
        message = self.reply()
        if "error" in message:
            raise QmpError(message["error"])
        return message["return"]

    def wait_event(self, name, timeout=20):
        end = time.monotonic() + timeout
        while True:
            for at, event in enumerate(self.events):
                if event["event"] == name:
                    return self.events.pop(at)
            if time.monotonic() > end:
                raise TimeoutError(f"no event {name}")
            message = self.receive()
            assert "event" in message, f"an unexpected reply: {message}"
            self.events.append(message)

    def close(self):
        self.sock.close()


def refusal(connection, name, /, **arguments):
    """The error of a command that must fail."""
    try:
        answer = connection.command(name, **arguments)
    except QmpError as error:
        return error
    raise Failure(f"{name} {arguments} was not refused: {answer}")


class Process:
    """penumbra with a QMP server on a socket in a directory of its own."""

    def __init__(self, binary, *arguments, stdin=subprocess.DEVNULL):
        self.directory = tempfile.TemporaryDirectory(prefix="penumbra-qmp-")
        self.path = os.path.join(self.directory.name, "qmp")
        command = [binary, "-nodefaults", "-qmp", f"unix:{self.path},server=on,wait=off", *arguments]
        self.process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def connect(self, timeout=20):
        end = time.monotonic() + timeout
        sock = socket.socket(socket.AF_UNIX)
        while True:
            try:
                sock.connect(self.path)
                return Connection(sock)
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None or time.monotonic() > end:
                    output = self.process.stdout.read().decode() if self.process.poll() is not None else ""
                    raise RuntimeError(f"no monitor: {output}") from None
                time.sleep(0.001)

    def wait(self, timeout=20):
        self.output = self.process.communicate(timeout=timeout)[0].decode(errors="replace")
        return self.process.returncode

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        with contextlib.suppress(ValueError, subprocess.TimeoutExpired):
            self.wait(5)
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
