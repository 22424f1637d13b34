# SPDX-License-Identifier: MIT
"""What rcmd(3) and rexec(3) speak to, on ports 514 and 512: remote_shell.py ADDRESS LOG

Takes a connection, connects back to the port that it is told, if any, reads the three texts and says yes. Each client is a line of LOG.
"""
import socket
import sys
import threading


def text(stream):
    data = b''
    while not data.endswith(b'\0'):
        byte = stream.recv(1)
        if not byte:
            raise OSError('closed')
        data += byte
    return data[:-1]


def connect_back(source, peer, port):
    """From a reserved port, as rcmd wants it."""
    for own in range(1023, 600, -1):
        back = socket.socket()
        try:
            back.bind((source, own))
            back.connect((peer, port))
            return back
        except OSError:
            back.close()
    return None


def serve(address, port):
    listener = socket.create_server((address, port))
    while True:
        stream, peer = listener.accept()
        try:
            back = text(stream)
            errors = connect_back(address, peer[0], int(back)) if back else None
            texts = [text(stream) for _ in range(3)]
            with open(sys.argv[2], 'a', encoding='ascii') as log:
                print(port, *[one.decode() for one in texts], file=log)
            stream.sendall(b'\0done\n')
            if errors:
                errors.close()
        except (OSError, ValueError):
            pass
        stream.close()


threading.Thread(target=serve, args=(sys.argv[1], 512)).start()
serve(sys.argv[1], 514)
