# SPDX-License-Identifier: MIT
"""A name server: name_server.py LOG ADDRESS=ANSWER... answers A questions for *.test with ANSWER, on port 53 by UDP and TCP.

Reverse questions are answered with back.test, names that begin with "long" with a truncated answer by UDP; ANSWER "silence" answers
nothing. Each question is a line of LOG: protocol and address.
"""
import socket
import struct
import sys
import threading


def answer_to(question, address, truncated):
    end = question.index(b'\0', 12) + 5
    kind, = struct.unpack('>H', question[end - 4:end - 2])
    data = b''
    if kind == 1:
        data = socket.inet_aton(address)
    elif kind == 12:
        data = b'\x04back\x04test\0'
    records = b'\xc0\x0c' + struct.pack('>HHIH', kind, 1, 1, len(data)) + data if data else b''
    flags = 0x8580 | (0x200 if truncated else 0)
    return question[:2] + struct.pack('>HHHHH', flags, 1, bool(records), 0, 0) + question[12:end] + records


def serve(log, address, answer):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    datagrams.bind((address, 53))
    streams = socket.create_server((address, 53), family=family)

    def by_datagram():
        while True:
            question, peer = datagrams.recvfrom(4096)
            print('udp', address, file=log, flush=True)
            if answer != 'silence':
                datagrams.sendto(answer_to(question, answer, question[13:17] == b'long'), peer)

    def by_stream():
        while True:
            with streams.accept()[0] as stream:
                question = stream.recv(4096)
                print('tcp', address, file=log, flush=True)
                reply = answer_to(question[2:], answer, False)
                stream.sendall(struct.pack('>H', len(reply)) + reply)

    threading.Thread(target=by_datagram).start()
    threading.Thread(target=by_stream).start()


with open(sys.argv[1], 'a', encoding='ascii') as LOG:
    for pair in sys.argv[2:]:
        serve(LOG, *pair.split('='))
    threading.Event().wait()
