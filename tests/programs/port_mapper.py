# SPDX-License-Identifier: MIT
"""A port mapper (RFC 1833, version 2) and a service that it maps: port_mapper.py ADDRESS LOG

The mapper is on port 111 by TCP and UDP, the service on 8111; each connection and datagram is a line of LOG.
"""
import socket
import struct
import sys
import threading


def reply_to(call):
    """The call's number, REPLY, accepted, no verifier, success, and the port."""
    return call[:4] + struct.pack('>IIIIII', 1, 0, 0, 0, 0, 8111)


def told(port):
    with open(sys.argv[2], 'a', encoding='ascii') as log:
        print(port, file=log)


def serve_datagrams(address):
    mapper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mapper.bind((address, 111))
    while True:
        call, peer = mapper.recvfrom(1024)
        told(111)
        mapper.sendto(reply_to(call), peer)


def serve(address, port):
    listener = socket.create_server((address, port))
    while True:
        stream = listener.accept()[0]
        told(port)
        if port == 111:
            call = stream.recv(1024)
            if len(call) > 8:
                reply = reply_to(call[4:])
                stream.sendall(struct.pack('>I', 0x80000000 | len(reply)) + reply)  # one record, the last one
                stream.recv(1)
        stream.close()


threading.Thread(target=serve_datagrams, args=(sys.argv[1],)).start()
threading.Thread(target=serve, args=(sys.argv[1], 111)).start()
serve(sys.argv[1], 8111)
