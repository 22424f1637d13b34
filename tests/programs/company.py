# SPDX-License-Identifier: MIT
"""One program that uses sockets, threads and children in many ways, and prints what it sees; the same bare and in any company."""
import os
import select
import socket
import subprocess
import sys
import threading

HOST = '127.0.0.1'


def show(*words):
    print(*words, flush=True)


def streams():
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen(8)
    port = server.getsockname()[1]

    def client(text):
        with socket.create_connection((HOST, port), 5) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            answers.append(connection.makefile('rb').read())

    answers = []
    threads = [threading.Thread(target=client, args=(b'text %d' % i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        connection, peer = server.accept()
        with connection:
            show('peer', peer[0])
            connection.sendall(connection.makefile('rb').read() + b' back')
    for thread in threads:
        thread.join()
    show('streams', sorted(answers))


def datagrams():
    one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    one.bind((HOST, 0))
    two.bind((HOST, 0))
    show('sent', one.sendto(b'datagram', two.getsockname()))
    show('readable', [each is two for each in select.select([two], [], [], 5)[0]])
    text, source = two.recvfrom(100)
    show('datagram', text, source == one.getsockname())
    two.connect(one.getsockname())
    two.send(b'answer')
    poll = select.poll()
    poll.register(one, select.POLLIN)
    show('poll', [event for _, event in poll.poll(5000)], one.recvmsg(100)[0])


def local():
    one, two = socket.socketpair()
    child = os.fork()
    if child == 0:
        two.sendall(b'from the child')
        os._exit(3)
    show('pair', one.recv(100), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def failures():
    for address in (HOST, 1), ('192.0.2.66', 8080), ('192.0.2.1', 1):
        with socket.socket() as stream:
            stream.settimeout(5)
            try:
                stream.connect(address)
            except OSError as error:
                show('connect', address, error.errno)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        try:
            show('sendto', datagram.sendto(b'x', ('192.0.2.66', 9)))
        except OSError as error:
            show('sendto', error.errno)


def children():
    own = os.environ.get('LD_PRELOAD')
    text = 'import os; print(os.environ.get("LD_PRELOAD"))'
    child = subprocess.run([sys.executable, '-c', text], stdout=subprocess.PIPE, check=False).stdout.decode().strip()
    show('child keeps', child == str(own))
    show('system', os.waitstatus_to_exitcode(os.system('exit 4')), os.popen('echo popen').read().strip())
    show('spawn', subprocess.run(['ls', '/etc/hostname'], stdout=subprocess.PIPE, check=False).stdout)


streams()
datagrams()
local()
failures()
children()
show('end')
